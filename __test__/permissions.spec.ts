// The permission model of Node.js does not see what an addon does. So the storages ask it themselves.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'

import { temporaryDirectory } from './support/subjects.js'
import { ENVIRONMENT, HAS_ALL_NODES, installTools, MAJORS, nodeOf } from './support/tools.js'
import { LONG } from './support/waiting.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const modules = HAS_ALL_NODES ? await installTools() : ''

/** Prints, as JSON, what each operation ends with: `true`, or the error's code and message. */
const PROGRAM = `
  const { FileStorage, MemoryStorage, RedisStorage, SQLiteStorage } = require(${JSON.stringify(ROOT)})
  const [dir, wanted, before = ''] = process.argv.slice(2)
  const state = { conversationId: 'a' }
  async function main() {
    const file = new FileStorage({ dir: dir + '/files' })
    const sqlite = new SQLiteStorage({ path: dir + '/states.db' })
    const operations = {
      memory: () => new MemoryStorage().save(state),
      fileLoad: () => file.load('a'),
      fileHas: () => file.has('a'),
      fileSave: () => file.save(state),
      fileSaveIf: () => file.save(state, { ifMatch: null }),
      fileDelete: () => file.delete('a'),
      fileLock: () => file.withLock('a', () => {}),
      sqliteLoad: () => sqlite.load('a'),
      sqliteSave: () => sqlite.save(state),
      redis: () => new RedisStorage({ port: ${inject('redisPort')} }).has('a'),
    }
    eval(before)
    const results = {}
    for (const name of wanted.split(' ')) {
      results[name] = await operations[name]().then(() => true, ({ code, message }) => [code, message])
    }
    console.log(JSON.stringify(results))
  }
  main()`

const FILES = 'fileLoad fileHas fileSave fileSaveIf fileDelete fileLock'
const SQLITE = 'sqliteLoad sqliteSave'

for (const major of HAS_ALL_NODES ? MAJORS : []) {
  describe(`with the permission model of Node.js ${major}`, () => {
    const node = nodeOf(major, modules)
    const model = major === 20 ? '--experimental-permission' : '--permission'

    async function start() {
      // macOS has its temporary directories behind a link.
      const dir = realpathSync(await temporaryDirectory())
      const program = join(dir, 'program.cjs')
      writeFileSync(program, PROGRAM)
      const data = join(dir, 'data')
      mkdirSync(data)
      const run = (flags: string[], ...args: string[]): Record<string, true | [code: string, message: string]> => {
        const all = ['--no-warnings', model, '--allow-addons', ...flags, program, data, ...args]
        const { stdout, stderr } = spawnSync(node, all, { env: ENVIRONMENT, encoding: 'utf8', timeout: LONG })
        if (!stdout.startsWith('{')) throw new Error(stdout + stderr)
        return JSON.parse(stdout)
      }
      return { data, run }
    }

    const denied = (flag: string, place: string) => [
      'ERR_STORAGE_DENIED',
      expect.stringContaining(
        `the permission model of Node.js forbids it: this process needs ${flag} for ${JSON.stringify(place)}.`,
      ),
    ]

    it('nothing is written that it forbids', async () => {
      const { data, run } = await start()
      const files = denied('--allow-fs-write', join(data, 'files', sep))
      const database = denied('--allow-fs-write', join(data, 'states.db'))
      expect(run(['--allow-fs-read=*'], `memory ${FILES} ${SQLITE}`)).toEqual({
        memory: true,
        // These read, and reading is allowed.
        fileLoad: true,
        fileHas: true,
        fileSave: files,
        fileSaveIf: files,
        fileDelete: files,
        fileLock: files,
        sqliteLoad: database,
        sqliteSave: database,
      })
      expect(readdirSync(data)).toEqual([])
    })

    it('nothing is read that it forbids', async () => {
      const { data, run } = await start()
      const code = [join(ROOT, sep), join(data, '..', 'program.cjs')].map((path) => `--allow-fs-read=${path}`)
      const results = run([...code, `--allow-fs-write=${join(data, '*')}`], `${FILES} ${SQLITE}`)
      const files = denied('--allow-fs-read', join(data, 'files', sep))
      const database = denied('--allow-fs-read', join(data, 'states.db'))
      expect(results).toMatchObject({ fileLoad: files, fileHas: files, fileSave: files })
      expect(results).toMatchObject({ sqliteLoad: database, sqliteSave: database })
      expect(readdirSync(data)).toEqual([])
    })

    it('what it allows works', async () => {
      const { data, run } = await start()
      const results = run(['--allow-fs-read=*', `--allow-fs-write=${join(data, sep)}`], `${FILES} ${SQLITE}`)
      expect(new Set(Object.values(results))).toEqual(new Set([true]))
    })

    it('a directory that does not exist yet is allowed by what is inside, as for node:fs', async () => {
      const { data, run } = await start()
      const dir = join(data, 'files')
      const files = denied('--allow-fs-write', join(dir, sep))
      expect(run(['--allow-fs-read=*', `--allow-fs-write=${dir}`], 'fileSave')).toEqual({ fileSave: files })
      expect(existsSync(dir)).toBe(false)
      // The directory itself, and what is in it.
      expect(run(['--allow-fs-read=*', `--allow-fs-write=${dir}*`], 'fileSave')).toEqual({ fileSave: true })
    })

    it('a database needs the files beside it', async () => {
      const { data, run } = await start()
      const file = join(data, 'states.db')
      const wal = denied('--allow-fs-write', `${file}-wal`)
      expect(run(['--allow-fs-read=*', `--allow-fs-write=${file}`], SQLITE)).toEqual({
        sqliteLoad: wal,
        sqliteSave: wal,
      })
      expect(run(['--allow-fs-read=*', `--allow-fs-write=${file}*`], 'sqliteSave')).toEqual({ sqliteSave: true })
    })

    it.runIf(major >= 24)('what a process has given up is refused from then on', async () => {
      const { data, run } = await start()
      const flags = ['--allow-fs-read=*', '--allow-fs-write=*']
      expect(run(flags, `fileLoad fileSave`, `process.permission.drop('fs.write')`)).toEqual({
        fileLoad: true,
        fileSave: denied('--allow-fs-write', join(data, 'files', sep)),
      })
    })

    it('a server is refused where the model restricts the network', async () => {
      const { run } = await start()
      const refused = {
        redis: [
          'ERR_STORAGE_DENIED',
          'Cannot look for conversation "a": the permission model of Node.js forbids it: this process needs --allow-net.',
        ],
      }
      // Older versions leave the network alone.
      expect(run(['--allow-fs-read=*'], 'redis')).toEqual(major < 25 ? { redis: true } : refused)
      if (major >= 25) expect(run(['--allow-fs-read=*', '--allow-net'], 'redis')).toEqual({ redis: true })
    })
  })
}
