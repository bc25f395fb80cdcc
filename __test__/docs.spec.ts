// Every file and every option that a page or a comment names exists, and every option is in a table.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** Installed, built, measured or generated: not part of what is written by hand. */
const NOT_WRITTEN = ['node_modules', 'target', '.git', 'data', 'partial', 'charts', 'corpus']

/** Returns the paths of all files under `folder`, and of the folders themselves with a slash at the end. */
function pathsUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_WRITTEN.includes(entry.name)) return []
    const path = `${folder}${entry.name}`
    return entry.isDirectory() ? [`${path}/`, ...pathsUnder(`${path}/`)] : [path]
  })
}

const PATHS = pathsUnder('')
const PAGES = PATHS.filter((path) => path.endsWith('.md'))
const SOURCES = PATHS.filter((path) => /\.(rs|c|[cm]?[jt]s)$/.test(path) && !path.startsWith('binding.'))

/** Returns a page without its programs, which name files of the reader. Commands and diagrams stay. */
const prose = (page: string) => read(page).replace(/^ *```(?!sh\n|text\n)\S[^\n]*\n[\s\S]*?^ *```/gm, '')

/** Returns the comments of a source file, without the modules that types are imported from: TypeScript finds those. */
const comments = (source: string) =>
  (read(source).match(/(?:^[ \t]*\/?\*+|(?<=^|\s)\/\/[/!]?)\s.*$/gm) ?? [])
    .join('\n')
    .replace(/(?:from |import\()'[^']*'/g, '')

type Text = [where: string, text: string]
const COMMENTS = SOURCES.map((source): Text => [source, comments(source)])

/** Returns the names that `pattern` finds in `texts` and that `isKnown` refuses, each with its place. */
function unknown(texts: Text[], pattern: RegExp, isKnown: (name: string) => boolean): string[] {
  const found = texts.flatMap(([where, text]) =>
    [...text.replace(/https?:\/\/\S+/g, '').matchAll(pattern)]
      .map(([whole, name = whole]) => name)
      .filter((name) => !isKnown(name))
      .map((name) => `${where}: ${name}`),
  )
  return [...new Set(found)]
}

describe('a path that is named', () => {
  const PROSE = PAGES.map((page): Text => [page, prose(page)])

  /** Returns whether a path equals `name` or ends in it. `*` and `<placeholder>` stand for any name. */
  function exists(name: string): boolean {
    if (/^(node|next)\.js$/i.test(name) || name.split('/').some((part) => NOT_WRITTEN.includes(part))) return true
    const literal = name.replace(/^(\.{1,2}\/)+/, '').replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    const pattern = new RegExp(`(^|/)${literal.replace(/\*|<[^>]*>/g, '[^/]*')}$`)
    return PATHS.some((path) => pattern.test(path))
  }

  it('is that of a file', () => {
    const file = /[\w@./*<>-]*[\w>*]\.(?:rs|[cm]?[jt]s|md)\b(?![\w/(-])/g
    expect(unknown([...PROSE, ...COMMENTS], file, exists)).toEqual([])
  })

  it('is that of a folder', () => {
    const folder = /`([\w.][\w./<>-]*\/)`/g
    expect(unknown([...PROSE, ...COMMENTS], folder, exists)).toEqual([])
  })
})

/** Returns the members of the interfaces whose names `which` matches, without those that only exclude an option. */
function members(types: string, which: RegExp): string[] {
  const found = [...read(types).matchAll(/^(?:export )?interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)]
    .filter(([, name = '']) => which.test(name))
    .flatMap(([, , body = '']) => [...body.matchAll(/^ {2}(\w+)\??: (?!undefined$)/gm)].map(([, name = '']) => name))
  return [...new Set(found)].sort()
}

const RETENTION = members('lib/retention-types.d.ts', /^RetentionOptions$/)
const SNAPSHOTS = members('lib/snapshot-types.d.ts', /^SnapshotOptions$/)
const LOGGER = members('lib/logger-types.d.ts', /^LoggerOptions$/)
const OPTIONS = {
  Memory: members('index.d.ts', /^MemoryStorageOptions$/),
  File: members('index.d.ts', /^FileStorageOptions$/),
  SQLite: members('lib/sqlite-types.d.ts', /Options$/),
  Redis: members('lib/redis-types.d.ts', /^Redis(?!Tls)\w+Options$/),
}
const TLS = members('lib/redis-types.d.ts', /^RedisTlsOptions$/)
/** Of `withLock`; `retries` of `update` and `methods` of `sequentialize` are named in the text. */
const LOCK = members('lib/lock-types.d.ts', /^LockOptions$/)
const CALLS = [
  ...RETENTION,
  ...SNAPSHOTS,
  ...LOGGER,
  ...members('lib/list-types.d.ts', /Options$/),
  ...LOCK,
  ...members('lib/lock-types.d.ts', /^(Write|Update|Sequentialize)Options$/),
]
const SUITE = members('testing/index.d.ts', /^StorageContractOptions$/)
/** Options of ioredis, vitest, jest, Yarn and bundlers. */
const OF_OTHERS = [
  'banner',
  'loader',
  'externals',
  'external',
  'module',
  'output',
  'pnpEnableEsmLoader',
  'serverExternalPackages',
  'ssr',
  'role',
  'failoverDetector',
  'enableReadyCheck',
  'disableClientInfo',
  'autoResendUnfulfilledCommands',
  'globals',
  'injectGlobals',
]

describe('an option', () => {
  const TABLES: [page: string, heading: string, options: string[]][] = [
    ['README.md', '### `new FileStorage(options)`', OPTIONS.File],
    ['README.md', '### `new SQLiteStorage(options)`', OPTIONS.SQLite],
    ['README.md', '### `new RedisStorage(options)`', OPTIONS.Redis],
    ['docs/redis-tls.md', '# TLS to Redis', TLS],
    ['docs/custom-adapters.md', '## Options', SUITE],
    ['docs/retention.md', '## Expiry', RETENTION],
    ['docs/snapshots.md', '# What a turn costs the event loop', SNAPSHOTS],
    ['docs/observability.md', '## Logger', LOGGER],
    ['docs/locks.md', '## `withLock(id, fn, options)`', LOCK],
  ]
  const HEAD = '\n| option | default | |\n|---|---|---|\n'

  it.each(TABLES)('is in the table of %s, %s, or in no type', (page, heading, options) => {
    const rows = read(page).split(`${heading}\n`)[1]?.split(HEAD)[1]?.split('\n\n')[0]?.split('\n') ?? []
    const names = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name))
    expect(options).not.toEqual([])
    expect(names.sort()).toEqual(options)
  })

  it('is in no other table', () => {
    const tables = PAGES.flatMap((page) => read(page).split(HEAD).slice(1))
    expect(tables).toHaveLength(TABLES.length)
  })

  it('that an example gives to a constructor exists', () => {
    const texts = [...PAGES.map((page): Text => [page, read(page)]), ...COMMENTS]
    const calls = texts.flatMap(([where, text]) =>
      [...text.matchAll(/(?<!extends )(Memory|File|SQLite|Redis)Storage(?:\(| )\{((?:[^{}]|\{[^{}]*\})*)\}/g)].map(
        (call) => ({
          where,
          call,
        }),
      ),
    )
    expect(calls.length).toBeGreaterThan(10)
    const wrong = calls.flatMap(({ where, call: [whole, adapter, body = ''] }) => {
      const known: string[] = [...OPTIONS[adapter as keyof typeof OPTIONS], ...RETENTION, ...SNAPSHOTS, ...LOGGER]
      const flat = body.replace(/\{[^{}]*\}|\([^()]*\)/g, '')
      const names = flat.split(',').map((part) => /^\s*(\w*)/.exec(part)?.[1] ?? '')
      return names.some((name) => name !== '' && !known.includes(name)) ? [`${where}: ${whole}`] : []
    })
    expect([...new Set(wrong)]).toEqual([])
  })

  it.each([
    ['with a value', /`([a-z]\w*): [^`]+`/g],
    ['as an option', /\boptions? ["`](\w+)["`]/gi],
  ])('that is named %s exists', (_how, pattern) => {
    const known = [...Object.values(OPTIONS).flat(), ...TLS, ...SUITE, ...CALLS, ...OF_OTHERS]
    const texts = [...PAGES.map((page): Text => [page, read(page)]), ...COMMENTS]
    expect(unknown(texts, pattern, (name) => known.includes(name))).toEqual([])
  })
})
