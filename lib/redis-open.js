'use strict'

const { Bridge } = require('./bridge.js')
const { readClient } = require('./redis-client.js')
const { FollowedRedis } = require('./redis-followed.js')

/** The handle for the user's own client: beside it where that can be, through its methods otherwise. */
function openClient(client, { native, ...settings }) {
  const { kind } = readClient(client, settings.ttl)
  if (kind === 'ioredis' && native) return new FollowedRedis(client, settings)
  const bridge = new Bridge(client, settings)
  bridge.modeReason = native ? WHY[kind] : 'the option "native" says so'
  return bridge
}

const WHY = {
  cluster: 'the client is a Cluster',
  'node-redis': 'the client is one of node-redis',
  other: 'the client is none of ioredis',
}

module.exports = { openClient }
