// What hostile options can do to a constructor. `npm run fuzz -- --javascript --seconds 600` for longer.
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage, StorageError } from '../index.js'
import { check, TIMEOUT } from './support/fuzzing.js'
import { type Anything, anyValue, type Recipe } from './support/hostile-values.js'

/** The second could be taken for a port. */
const SECRETS = ['hunter2', '31337']

describe('constructors', () => {
  const NAMES = ['dir', 'extension', 'pretty', 'durable', 'db', 'path', 'table', 'mode', 'client', 'timeout', 'url']
  const MORE = [
    'host',
    'port',
    'username',
    'password',
    'prefix',
    'ttl',
    'tls',
    'logger',
    '__proto__',
    'constructor',
    'Dir',
    '',
  ]
  const CLASSES = [MemoryStorage, FileStorage, SQLiteStorage, RedisStorage]

  it('construct or throw a StorageError', { timeout: TIMEOUT }, async () => {
    const members = fc.dictionary(fc.oneof(fc.constantFrom(...NAMES, ...MORE), fc.string()), anyValue(), { maxKeys: 4 })
    const options = fc.oneof(
      anyValue(),
      members.map(
        (recipes): Recipe =>
          (act) =>
            Object.fromEntries(Object.entries(recipes).map(([name, make]) => [name, make(act)])),
      ),
    )
    await check(
      fc.property(fc.constantFrom<Anything>(...CLASSES), options, (Class, make) => {
        constructed(() => new Class(make(() => undefined)))
      }),
    )
  })

  it('show no password of any URL', { timeout: TIMEOUT }, async () => {
    const separator = fc.constantFrom(
      '',
      ':',
      '/',
      '//',
      '@',
      '?',
      '#',
      '%',
      '[',
      ']',
      ' ',
      '&db=',
      '=',
      '\\',
      '%zz',
      '1',
      'a',
    )
    const scheme = fc.constantFrom(
      'redis://',
      'rediss://',
      'unix://',
      'unix:',
      'http://',
      'redis:',
      '/',
      '',
      'REDIS://',
    )
    const text = fc.oneof(separator, fc.webSegment(), fc.string({ maxLength: 5 }))
    const parts = fc.array(text, { maxLength: 6 })
    const secret = fc.constantFrom(...SECRETS)
    const url = fc
      .tuple(scheme, parts, secret, parts)
      .map(([begin, before, word, after]) => `${begin}${before.join('')}:${word}${after.join('')}@localhost/`)
    const password = fc.tuple(secret, text).map((words) => words.join(''))
    const options = fc.oneof(
      url.map((value) => ({ url: value })),
      url.map((value) => ({ host: value })),
      fc.record({ username: text, password, host: text, db: text }),
    )
    await check(
      fc.property(options, (given: Anything) => {
        const shown = constructed(() => new RedisStorage(given))
        // A socket's path is no password, whatever it looks like.
        if (/^(\/|unix:)/i.test(String(given.url))) return
        for (const word of SECRETS) expect(shown).not.toContain(word)
      }),
    )
  })

  function constructed(construct: () => object): string {
    try {
      const storage: Anything = construct()
      const [internal] = Object.getOwnPropertySymbols(storage)
      // What the errors of its operations name.
      const place = internal === undefined ? '' : storage[internal].handle.location('x')
      return inspect(storage, { depth: 20, showHidden: true }) + place
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      expect(error).toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS', operation: 'construct' })
      expect(error.message.length).toBeLessThan(500)
      return error.message
    }
  }
})
