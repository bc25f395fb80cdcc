import { spawnSync } from 'node:child_process'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runChild } from './support/child.js'
import type { Place } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'
import { LONG } from './support/waiting.js'

const script = fileURLToPath(new URL('children/faults.mjs', import.meta.url))

const PLACES: [string, (dir: string) => Place][] = [
  ['file', (dir) => ({ adapter: 'file', options: { dir: join(dir, 'states') } })],
  ['sqlite', (dir) => ({ adapter: 'sqlite', options: { path: join(dir, 'states', 'states.db') } })],
]

describe('a full disk', () => {
  for (const [name, place] of PLACES) {
    it(`${name}: refuses, keeps what it has, and goes on once there is room`, async () => {
      const dir = await temporaryDirectory()
      // A file system of two megabytes, in a mount namespace that ends with the script.
      const command = `mount -t tmpfs -o size=2m tmpfs '${dir}' && exec "$0" "$@"`
      const argument = JSON.stringify({ place: place(dir), fault: 'full disk', dir })
      const namespace = process.getuid?.() === 0 ? ['-m'] : ['-U', '-r', '-m']
      const args = [...namespace, 'sh', '-c', command, process.execPath, script, argument]
      const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: LONG })
      expect(stderr).toBe('')
      const report = JSON.parse(stdout)
      const cause = name === 'file' ? 'ENOSPC' : 'SQLITE_FULL'
      const full = { name: 'StorageError', code: 'ERR_STORAGE_UNAVAILABLE', retryable: true, cause }
      expect(report).toMatchObject({ refused: full, early: 1, afterwards: 'done', late: 3 })
      expect(report.overwrite).toMatchObject(full)
      expect(report.stillEarly).toBe(1)
    })
  }
})

describe('a place that must not be written', () => {
  for (const [name, place] of PLACES) {
    it(`${name}: is denied`, async () => {
      const root = await temporaryDirectory()
      await chmod(root, 0o755)
      const dir = join(root, 'states')
      await mkdir(dir)
      const { stdout, stderr } = await runChild('faults.mjs', { place: place(root), fault: 'denied', dir })
      expect(stderr).toBe('')
      const report = JSON.parse(stdout)
      for (const operation of ['save', 'other', 'delete']) {
        expect(report[operation]).toMatchObject({ name: 'StorageError', code: 'ERR_STORAGE_DENIED', retryable: false })
      }
    })
  }
})
