import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'

import {
  FileStorage,
  MemoryStorage,
  RedisStorage,
  type RedisStorageOptions,
  SQLiteStorage,
  StorageError,
} from '../index.js'
import type { Handle } from '../lib/handle.js'
import { sample } from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
type Wrong = any

const CLIENT = { get: async () => null, set: async () => 'OK', del: async () => 0 }
const SETEX_CLIENT = { get: CLIENT.get, setex: async () => 'OK', del: CLIENT.del }
const DATABASE = { prepare() {}, exec() {} }

function refusal(construct: () => unknown): StorageError {
  try {
    construct()
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    return error as StorageError
  }
  throw new Error('was not refused')
}

describe('constructors refuse at once', () => {
  const cases: [string, () => unknown, RegExp][] = [
    [
      'a misspelt option',
      () => new FileStorage({ dir: 'x', prety: true } as Wrong),
      /no option "prety"\. Did you mean "pretty"/,
    ],
    ['an option of another adapter', () => new FileStorage({ dir: 'x', table: 'x' } as Wrong), /no option "table"\.$/],
    ['any option of memory', () => new MemoryStorage({ size: 1 } as Wrong), /no option "size"/],
    ['a negative room for snapshots', () => new MemoryStorage({ snapshots: -1 }), /"snapshots".* whole number from 0/],
    [
      'a room for snapshots that is no number',
      () => new SQLiteStorage({ path: 'x', snapshots: '1' } as Wrong),
      /"snapshots".* whole number from 0/,
    ],
    ['options that are no object', () => new SQLiteStorage('file.db' as Wrong), /must be an object/],
    ['options that are null', () => new MemoryStorage(null as Wrong), /must be an object/],
    ['no dir', () => new FileStorage({} as Wrong), /needs the option "dir"/],
    ['no options for files', () => new (FileStorage as Wrong)(), /needs the option "dir"/],
    ['an empty dir', () => new FileStorage({ dir: '' }), /"dir".* non-empty path/],
    ['a dir with NUL', () => new FileStorage({ dir: 'a\0b' }), /"dir".* without NUL/],
    [
      'a dir that is the text of a URL',
      () => new FileStorage({ dir: 'file:///data' }),
      /"dir".*new URL.*fileURLToPath/,
    ],
    [
      'a dir at a web address',
      () => new FileStorage({ dir: new URL('https://x/data') }),
      /"dir".*"file:", not with "https:"/,
    ],
    ['a dir of another machine', () => new FileStorage({ dir: new URL('file://nas/%2F') }), /"dir".*of this machine/],
    ['a dir with an escaped NUL', () => new FileStorage({ dir: new URL('file:///a%00b') }), /"dir".* without NUL/],
    [
      'a dir that only looks like a URL',
      () => new FileStorage({ dir: { href: 'x', protocol: 'file:' } }),
      /"dir".*of this/,
    ],
    ['a separator in the extension', () => new FileStorage({ dir: 'x', extension: '/../x' }), /"extension"/],
    ['an extension that ends in a dot', () => new FileStorage({ dir: 'x', extension: '.' }), /"extension"/],
    ['pretty as text', () => new FileStorage({ dir: 'x', pretty: 'yes' as Wrong }), /"pretty".* true or false/],
    ['neither db nor path', () => new SQLiteStorage({} as Wrong), /needs the option "db" or "path"/],
    ['both db and path', () => new SQLiteStorage({ db: DATABASE, path: 'x' } as Wrong), /only one of/],
    ['a db that is a file name', () => new SQLiteStorage({ db: 'x.db' as Wrong }), /"db".*better-sqlite3.*"path"/],
    ['a db without methods', () => new SQLiteStorage({ db: {} as Wrong }), /no prepare and no exec/],
    ['a db of node-sqlite3', () => new SQLiteStorage({ db: { ...DATABASE, parallelize() {} } as Wrong }), /callbacks/],
    [':memory:', () => new SQLiteStorage({ path: ':memory:' }), /MemoryStorage/],
    ['a URI', () => new SQLiteStorage({ path: 'file:x.db?mode=ro' }), /URIs are not supported/],
    [
      'a URL with parameters',
      () => new SQLiteStorage({ path: new URL('file:///x.db?mode=ro') }),
      /URIs are not supported/,
    ],
    ['a path that is the text of a URL', () => new SQLiteStorage({ path: 'file:///x.db' }), /"path".*new URL/],
    [
      'a path at a web address',
      () => new SQLiteStorage({ path: new URL('http://x/y.db') }),
      /"path".*not with "http:"/,
    ],
    ['a reserved table', () => new SQLiteStorage({ path: 'x', table: 'SQLite_x' }), /"table".*sqlite_/],
    ['a journal of another kind', () => new SQLiteStorage({ path: 'x', journal: 'WAL' as Wrong }), /"wal" or "delete"/],
    ['a journal beside db', () => new SQLiteStorage({ db: DATABASE, journal: 'wal' } as Wrong), /goes with.*"path"/],
    ['a mode beside path', () => new SQLiteStorage({ path: 'x', mode: 'inline' } as Wrong), /goes with.*"db"/],
    ['a misspelt journal', () => new SQLiteStorage({ path: 'x', journl: 'wal' } as Wrong), /Did you mean "journal"/],
    ['an empty table', () => new SQLiteStorage({ path: 'x', table: '' }), /"table"/],
    ['a table with NUL', () => new SQLiteStorage({ path: 'x', table: 'a\0' }), /"table"/],
    [
      'a client that is a URL',
      () => new RedisStorage({ client: 'redis://h' as Wrong }),
      /"client".*type string.*"url"/,
    ],
    ['a client that is null', () => new RedisStorage({ client: null as Wrong }), /"client".*null/],
    ['a client without methods', () => new RedisStorage({ client: {} as Wrong }), /no get and no del and no set/],
    ['a Map as the client', () => new RedisStorage({ client: new Map() as Wrong }), /it has no del\./],
    [
      'a client of node-redis 3',
      () => new RedisStorage({ client: { ...CLIENT, internal_send_command() {} } as Wrong }),
      /callbacks/,
    ],
    [
      'a client in legacy mode',
      () => new RedisStorage({ client: { ...CLIENT, options: { legacyMode: true } } as Wrong }),
      /legacy/,
    ],
    ['no expiry on a client with setex alone', () => new RedisStorage({ client: SETEX_CLIENT, ttl: 0 }), /has no set/],
    [
      'a client beside a host',
      () => new RedisStorage({ client: CLIENT, host: 'h' } as Wrong),
      /either the option "client" or "host"/,
    ],
    ['a timeout without a client', () => new RedisStorage({ timeout: 5 } as Wrong), /"timeout".*"client"/],
    [
      'a client beside tls',
      () => new RedisStorage({ client: CLIENT, tls: true } as Wrong),
      /either .*"client" or "tls"/,
    ],
    ['tls as text', () => new RedisStorage({ tls: 'true' as Wrong }), /"tls".*true, false or an object/],
    ['a rediss: url without tls', () => new RedisStorage({ url: 'rediss://h', tls: false }), /rediss:.*"tls" forbids/],
    [
      'a name that cannot be one',
      () => new RedisStorage({ tls: { servername: 'a b' } }),
      /"servername".*neither a name/,
    ],
    ['a port out of range', () => new RedisStorage({ port: 65_536 }), /"port".* 1 to 65535/],
    ['a port that is no number', () => new RedisStorage({ port: '6379a' }), /"port"/],
    ['a negative ttl', () => new RedisStorage({ ttl: -1 }), /"ttl".* whole number from 0/],
    ['a fractional ttl', () => new RedisStorage({ ttl: 1.5 }), /"ttl"/],
    ['a NaN ttl', () => new RedisStorage({ ttl: Number.NaN }), /"ttl"/],
    ['a ttl as text', () => new RedisStorage({ ttl: '3600' as Wrong }), /"ttl"/],
    ['a ttl of null', () => new RedisStorage({ ttl: null as Wrong }), /"ttl"/],
    ['an endless ttl', () => new RedisStorage({ ttl: Number.POSITIVE_INFINITY }), /"ttl"/],
    [
      'a url beside a host',
      () => new RedisStorage({ url: 'redis://h', host: 'h' } as Wrong),
      /only one of .*"url" and "host"/,
    ],
    [
      'a path beside a port',
      () => new RedisStorage({ path: '/s', port: 1 } as Wrong),
      /only one of .*"path" and "port"/,
    ],
    ['a database of an encrypted url', () => new RedisStorage({ url: 'rediss://h/1.5' }), /whole number/],
    ['another kind of url', () => new RedisStorage({ url: 'http://h' }), /must begin with redis:/],
    ['no url at all', () => new RedisStorage({ url: 'localhost' }), /cannot be read/],
    [
      'a url with a parameter that would change something',
      () => new RedisStorage({ url: 'rediss://h?ssl_cert_reqs=none' }),
      /parameter "ssl_cert_reqs" is not supported/,
    ],
    ['an unknown family', () => new RedisStorage({ url: 'redis://h?family=5' }), /parameter "family"/],
    ...['localhost:6379', '[::1]:6379', '::1:x', '[h]', 'redis://h', 'localhost/0', 'a b', ''].map(
      (host): (typeof cases)[number] => [
        `the host ${JSON.stringify(host)}`,
        () => new RedisStorage({ host }),
        /"host" of the redis storage .* a host name or an IP address \(a port goes into "port", a URL into "url"\)/,
      ],
    ),
    ['a database that is no number', () => new RedisStorage({ url: 'redis://h/abc' }), /whole number/],
    ['two databases', () => new RedisStorage({ url: 'redis://h/1?db=2' }), /twice/],
  ]
  for (const [name, construct, message] of cases) {
    it(name, () => {
      const error = refusal(construct)
      expect(error.message).toMatch(message)
      expect(error).toMatchObject({
        name: 'StorageError',
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        operation: 'construct',
        retryable: false,
      })
      expect(error.stack).toContain('options.spec.ts')
    })
  }

  it('without showing a password', () => {
    for (const url of [
      'http://user:hunter2@h',
      'redis://user:hunter2@h/x',
      'rediss://user:hunter2@h/x',
      'redis://user:hunter2%ZZ@h',
      'redis://u:hunter2@h:99999',
    ]) {
      expect(inspect(refusal(() => new RedisStorage({ url })))).not.toContain('hunter2')
    }
  })
})

function locationOf(storage: RedisStorage) {
  const [internal] = Object.getOwnPropertySymbols(storage) as [never]
  return (storage[internal] as { handle: Handle }).handle.location('a')
}

describe('constructors accept', () => {
  it('what the documentation shows, without touching anything', () => {
    expect(new MemoryStorage()).toBeInstanceOf(MemoryStorage)
    expect(new MemoryStorage({})).toBeInstanceOf(MemoryStorage)
    new RedisStorage()
    new RedisStorage({ ttl: 3600 })
    new RedisStorage({ host: undefined, ttl: 3600 })
    new RedisStorage({ port: '6379', db: '2', username: '', password: '' })
    new RedisStorage({ url: 'redis://:p%40ss@[::1]:6380/5' })
    new RedisStorage({ url: 'REDISS://user:p%40ss@[::1]:6380/5' })
    new RedisStorage({
      url: 'rediss://h',
      tls: { rejectUnauthorized: false, requestCert: true, agent: false } as object,
    })
    new RedisStorage({ url: 'redis://h:6379?family=0' })
    new RedisStorage({ url: 'rediss://h:6379/1?family=6&protocol=3' })
    new RedisStorage({ host: 'my_redis', tls: true })
    new RedisStorage({ host: 'fe80::1%eth0' })
    new RedisStorage({ tls: false })
    new RedisStorage({ url: 'unix:/run/redis.sock?db=1' })
    new RedisStorage({ url: '/run/redis.sock' })
    new FileStorage({ dir: '/nonexistent/never/made', extension: '' })
    new SQLiteStorage({ path: '/nonexistent/never/made.db', table: 'any "name" \u{1F4AC}' })
  })

  it('URLs of files, also those of another realm', async () => {
    const root = await temporaryDirectory()
    const { href, protocol } = pathToFileURL(join(root, 'a b', 'é%'))
    for (const [index, dir] of [new URL(href), { href, protocol }].entries()) {
      const storage = new FileStorage({ dir })
      expect(await storage.load('user-1')).toEqual(index === 0 ? null : sample('user-1'))
      await storage.save(sample('user-1'))
      expect(await readdir(join(root, 'a b', 'é%'))).toEqual(['user-1.json'])
    }
    const database = new SQLiteStorage({ path: pathToFileURL(join(root, 'é #1.db')) })
    await database.save(sample('user-1'))
    await database.close()
    expect((await readdir(root)).sort()).toEqual(['a b', 'é #1.db'])
  })

  it('nothing of which shows a password when inspected', () => {
    const storage = new RedisStorage({ url: 'redis://user:hunter2@localhost' })
    expect(inspect(storage, { depth: 9, showHidden: true })).not.toContain('hunter2')
  })

  it('an IPv6 address with brackets and without', () => {
    for (const options of [{ host: '::1' }, { host: '[::1]' }, { url: 'redis://[::1]' }]) {
      expect(locationOf(new RedisStorage(options))).toContain('the Redis server at [::1]:6379')
    }
  })

  it('none of which comes from a polluted Object.prototype', () => {
    const location = (options?: RedisStorageOptions) => locationOf(new RedisStorage(options))
    Object.defineProperty(Object.prototype, 'host', { value: 'evil.example', configurable: true })
    Object.defineProperty(Object.prototype, 'port', { value: 1, configurable: true })
    try {
      expect(location()).toContain('127.0.0.1:6379')
      expect(location({ url: 'redis://server' })).toContain('server:6379')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'host')
      Reflect.deleteProperty(Object.prototype, 'port')
    }
  })
})
