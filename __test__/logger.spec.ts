// What the option `logger` is told, and what a logger can do wrong.
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

import { FileStorage, type Logger, MemoryStorage, SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { loadBetterSqlite } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples
const SECRET = 'a secret of the state'
const ROOT = fileURLToPath(new URL('..', import.meta.url))

type Line = [level: string, message: string, meta: Record<string, unknown> | undefined]

function recorder() {
  const lines: Line[] = []
  const level = (name: string) => (message: string, meta?: Record<string, unknown>) =>
    void lines.push([name, message, meta])
  return { lines, logger: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') } }
}

async function corrupt(logger: Logger) {
  const dir = await temporaryDirectory()
  await writeFile(join(dir, 'a.json'), `{"text":"${SECRET}`)
  const storage = new FileStorage({ dir, logger })
  return { dir, code: await storage.load('a').catch((error) => error.code) }
}

describe('is told', () => {
  it('of a corrupt state: which and where, and nothing of it', async () => {
    const { lines, logger } = recorder()
    const { dir } = await corrupt(logger)
    const meta = { conversationId: 'a', location: join(dir, 'a.json') }
    expect(lines).toEqual([['error', 'file storage: what is stored is no state', meta]])
    expect(JSON.stringify(lines)).not.toContain(SECRET)
  })

  it('of a change of the way', async () => {
    const { lines, logger } = recorder()
    const db = new (loadBetterSqlite())(join(await temporaryDirectory(), 'a.db'))
    const storage = new SQLiteStorage({ db, logger })
    await storage.save(sample('a'))
    db.exec('BEGIN')
    await storage.save(sample('a'))
    db.exec('COMMIT')
    expect(lines.map(([level, , meta]) => [level, meta?.mode])).toEqual([
      ['info', 'native'],
      ['info', 'inline'],
    ])
    expect(lines[1]?.[2]?.reason).toMatch(/transaction/)
    await storage.close()
    db.close()
  })

  it('of a save that a turn did not await, and that failed', async () => {
    const { lines, logger } = recorder()
    const file = join(await temporaryDirectory(), 'file')
    const storage = new MemoryStorage({ maxBytes: 200, logger })
    await writeFile(file, '')
    await storage.withLock('a', () => {
      storage.save(sample('a', { slots: { text: SECRET.repeat(20) } })).catch(() => {})
    })
    const meta = { conversationId: 'a', code: 'ERR_STORAGE_UNAVAILABLE', reason: expect.stringContaining('maxBytes') }
    expect(lines).toEqual([['error', 'memory storage: a save that nobody awaited failed', meta]])
    expect(JSON.stringify(lines)).not.toContain(SECRET)
  })

  it.each(['process.exit(0)', ''])('of saves that failed while the process ended: %s', async (end) => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    const program = `
      const { FileStorage } = require('./index.js')
      const logger = { error: (message, { code }) => process.stdout.write(message + ' ' + code + '\\n') }
      const storage = new FileStorage({ dir: ${JSON.stringify(join(file, 'states'))}, logger })
      process.on('unhandledRejection', () => process.stdout.write('seen\\n'))
      storage.save({ conversationId: 'a', history: [], slots: {} }).catch(() => process.stdout.write('caught\\n'))
      ${end}
    `
    const { status, stdout } = spawnSync(process.execPath, ['-e', program], { cwd: ROOT, encoding: 'utf8' })
    const told =
      end === '' ? 'caught\n' : 'file storage: a save that nobody awaited failed ERR_STORAGE_INVALID_OPTIONS\n'
    expect([status, stdout]).toEqual([0, told])
  })

  it('nothing of what its caller is told', async () => {
    const { lines, logger } = recorder()
    const storage = new MemoryStorage({ logger })
    await storage.load('').catch(() => {})
    await storage.save({} as never).catch(() => {})
    await storage.close()
    await storage.load('a').catch(() => {})
    expect(lines).toEqual([])
  })
})

describe('may do anything', () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)

  it.each<[string, () => Logger]>([
    [
      'throw',
      () => ({
        error() {
          throw new Error('mine')
        },
      }),
    ],
    ['reject', () => ({ error: async () => Promise.reject(new Error('mine')) })],
    [
      'return a thenable that throws',
      () => ({
        error: () => ({
          // biome-ignore lint/suspicious/noThenProperty: the point
          then() {
            throw new Error('mine')
          },
        }),
      }),
    ],
    ['never settle', () => ({ error: () => new Promise(() => {}) })],
    ['lack a level', () => ({ info() {} })],
    ['be empty', () => ({})],
    ['be frozen and without a prototype', () => Object.freeze(Object.assign(Object.create(null), { error() {} }))],
    [
      'lose its method later',
      () => {
        let calls = 0
        return {
          get error() {
            return calls++ === 0 ? () => {} : ('no' as never)
          },
        }
      },
    ],
    [
      'have a getter that throws later',
      () => {
        let calls = 0
        return {
          get error() {
            if (calls++ > 0) throw new Error('mine')
            return undefined as never
          },
        }
      },
    ],
    [
      'throw when its promise is looked at',
      () => ({
        error: () =>
          new Proxy(
            {},
            {
              get() {
                throw new Error('mine')
              },
            },
          ),
      }),
    ],
  ])('%s', async (_name, make) => {
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    expect((await corrupt(make())).code).toBe('ERR_STORAGE_CORRUPT')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(unhandled).toEqual([])
  })

  it('be an object with methods that need it', async () => {
    class Lines implements Logger {
      lines: string[] = []
      error(message: string) {
        this.lines.push(message)
      }
    }
    const logger = new Lines()
    await corrupt(logger)
    expect(logger.lines).toHaveLength(1)
  })

  it('not be something else', () => {
    for (const logger of [null, 'console', 1, true, () => {}, { error: 'no' }, { warn: null }]) {
      expect(() => new MemoryStorage({ logger: logger as never })).toThrow('an object with functions debug, info')
    }
    expect(() => new MemoryStorage({ logger: undefined })).not.toThrow()
  })
})

describe('a polluted prototype', () => {
  it.each(['logger', 'error'])('brings none: %s', async (name) => {
    const { lines, logger } = recorder()
    const value = name === 'logger' ? logger : logger.error
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true })
    try {
      const dir = await temporaryDirectory()
      await writeFile(join(dir, 'a.json'), '{')
      const storage = new FileStorage(name === 'logger' ? { dir } : { dir, logger: { info() {} } })
      await storage.load('a').catch(() => {})
    } finally {
      delete (Object.prototype as unknown as Record<string, unknown>)[name]
    }
    expect(lines).toEqual([])
  })
})
