'use strict'

/** @import { Handle } from './handle.js' */

const { NativeFirst } = require('./native-first.js')
const { RedisClientHandle } = require('./redis-client-handle.js')
const { readClient } = require('./redis-client-shape.js')
const { RedisSidecar } = require('./redis-sidecar.js')

/** Why operations go through the client. */
const REASONS = {
  ioredis: 'the option "mode" says so',
  cluster: 'the client is a Cluster',
  'node-redis': 'the client is one of node-redis',
  glide: 'the client is one of Valkey GLIDE',
  other: 'the client is none of ioredis',
}

/**
 * Returns the handle for the user's own client: on a connection beside it if that is possible, else through its methods.
 *
 * @param {any} client
 * @param {{ mode: 'auto' | 'inline', prefix: string, timeout: number, ttl: number }} settings
 * @param {InstanceType<typeof import('./monitor.js').Monitor>} monitor
 * @returns {Handle}
 */
function openClient(client, { mode, prefix, timeout, ttl }, monitor) {
  const shape = readClient(client, ttl)
  const modeReason = mode === 'inline' ? REASONS.ioredis : REASONS[shape.kind]
  const user = new RedisClientHandle(client, shape, { prefix, timeout, modeReason })
  if (shape.kind !== 'ioredis' || mode === 'inline') return user
  return new NativeFirst(monitor, new RedisSidecar(client, prefix, timeout), user)
}

module.exports = { openClient }
