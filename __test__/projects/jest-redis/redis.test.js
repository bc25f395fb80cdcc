const { writeSync } = require('node:fs')
const { pathToFileURL } = require('node:url')
const { RedisStorage } = require('@andresaya/flowkit-storage')

// Written by whoever runs this: the port of a server, and where ioredis is.
const { port, ioredis } = require('./server.json')
const Redis = require(ioredis)

const state = { conversationId: 'user-1', slots: { name: 'Ana' } }

test('conversations are kept beside a client, and nothing is left open', async () => {
  const client = new Redis(port)
  await client.ping()
  const adapters = [new RedisStorage({ client, prefix: 'jest:' }), new RedisStorage({ port, prefix: 'jest-own:' })]
  for (const adapter of adapters) {
    await adapter.save(state)
    expect(await adapter.load('user-1')).toEqual(state)
    expect(adapter.mode).toBe('native')
  }
  await client.quit()
  const line = {
    kept: adapters.map((adapter) => adapter.constructor.name),
    node: process.version,
    from: pathToFileURL(require.resolve('@andresaya/flowkit-storage')).href,
    settled: Date.now(),
  }
  // Not `console.log`, which Jest decorates.
  writeSync(1, `${JSON.stringify(line)}\n`)
})
