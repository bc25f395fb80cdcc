import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { type ConversationState, FileStorage } from '../index.js'
import { runChild, startChild } from './support/child.js'
import { compileShim } from './support/disk-shim.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { MUSL } from './support/tools.js'
import { eventually } from './support/waiting.js'

/** The shim names glibc's symbols. */
const GLIBC = process.platform === 'linux' && !MUSL

async function shim() {
  const dir = await temporaryDirectory()
  const below = join(dir, 'below')
  await mkdir(below)
  return { below, env: { ...process.env, ...compileShim(dir, below) } }
}

async function without(kind: 'lock' | 'link', errors: string[]) {
  const { env } = await shim()
  const { code, stdout, stderr } = await runChild('no-file-locks.mjs', { kind, errors }, { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, object>
}

/** What is as ever without locks, and without links. */
const FORGOTTEN = {
  touch: true,
  list: 'u',
  'purge the young': { removed: 0, kept: 1, unknown: 0 },
  'purge the old': { removed: 1, kept: 0, unknown: 0 },
  'save anew': 'done',
}

describe.runIf(GLIBC)('a file system', () => {
  it('without file locks keeps conversations, and says that it has no locks', async () => {
    const errors = ['ENOLCK', 'ENOSYS', 'EOPNOTSUPP', 'EINVAL', 'EBADF']
    const report = await without('lock', errors)
    const refused = (operation: string) =>
      expect.stringMatching(
        new RegExp(
          `^ERR_STORAGE_UNSUPPORTED Cannot ${operation} conversation "u": the file system of DIR has no file locks`,
        ),
      )
    for (const error of errors) {
      expect(report[error]).toEqual({
        save: 'done',
        'save again': 'done',
        load: 2,
        withLock: refused('lock'),
        update: refused('update'),
        ifMatch: refused('save'),
        delete: 'done',
        // Nothing is there that could be locked.
        'ifMatch null': 'done',
        ...FORGOTTEN,
        left: ['u.json'],
      })
    }
  })

  it('that locks only files which are open for writing has locks', async () => {
    const report = await without('lock', ['only read'])
    expect(report['only read']).toMatchObject({ withLock: 'inside', update: 3, ifMatch: 'done', left: ['u.json'] })
  })

  it('without links has locks and conditional writes all the same', async () => {
    const errors = ['EPERM', 'EACCES', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']
    const report = await without('link', errors)
    for (const error of errors) {
      expect(report[error]).toEqual({
        save: 'done',
        'save again': 'done',
        load: 2,
        withLock: 'inside',
        update: 3,
        ifMatch: 'done',
        delete: 'done',
        'ifMatch null': 'done',
        ...FORGOTTEN,
        left: ['u.json'],
      })
    }
  })
})

const conversation = (conversationId: string, n: number) =>
  ({ conversationId, slots: { n } }) as unknown as ConversationState

/** `T` in the third field: it is stopped. */
const isStopped = async (pid: number) => /^\d+ \(.*\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))

describe.runIf(GLIBC)('a process that is stopped while it has locked a file', () => {
  for (const [how, first, what] of [
    ['save', 1, 'the state'],
    ['withLock', 1, 'the record'],
    // The record is locked once to enter and once to write, and each time the state after it.
    ['withLock', 4, 'the record and the state'],
  ] as const) {
    it(`costs others 5 s where it is ${what}, and nothing for good`, async () => {
      const { below, env } = await shim()
      const place = { adapter: 'file' as const, options: { dir: below } }
      const child = startChild('stops-in-lock.mjs', { place, how, first }, { env })
      expect(await child.line()).toBe('armed')
      await eventually('it is stopped', () => isStopped(child.process.pid as number))
      const storage = new FileStorage({ dir: below })
      const other = new FileStorage({ dir: below })
      const add = (state: ConversationState | null) => ({ ...state, slots: { n: 5 } }) as ConversationState
      const blocked: (() => Promise<unknown>)[] = [() => other.update('u', add)]
      if (what !== 'the record') blocked.push(() => storage.save(conversation('u', 7)))
      for (const end of await Promise.allSettled(blocked.map((operation) => operation()))) {
        expect(end).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORAGE_UNAVAILABLE', retryable: true } })
      }
      // Whatever locks nothing goes on.
      expect((await storage.load('u'))?.slots).toEqual({ n: 1 })
      await storage.save(conversation('v', 0))
      child.process.kill('SIGCONT')
      expect(await child.line()).toBe('went on')
      expect(await child.ending).toMatchObject({ code: 0, stderr: '' })
      await storage.save(conversation('u', 8))
      await other.update('u', add)
      await Promise.all([storage.close(), other.close()])
      expect((await readdir(below)).sort()).toEqual(['u.json', 'v.json'])
    })
  }
})
