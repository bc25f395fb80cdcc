// What a stranger can do to the directory of a FileStorage, and what the storage does to the directories around it.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { FileStorage } from '../index.js'
import { hostileIds, sample } from '../testing/samples.js'
import { runChild } from './support/child.js'
import { temporaryDirectory } from './support/subjects.js'

const LINUX = process.platform === 'linux'
const UNIX = process.platform !== 'win32'
const child = fileURLToPath(new URL('children/paths.mjs', import.meta.url))

describe.runIf(UNIX)('planted in the place of a conversation', () => {
  const PLANTED: Record<string, (path: string, dir: string) => unknown> = {
    'a named pipe': (path) => execFileSync('mkfifo', [path]),
    'a socket': (path) => new Promise<void>((resolve) => createServer().unref().listen(path, resolve)),
    'a link to a device without end': (path) => symlinkSync('/dev/zero', path),
    'a link to a terminal': (path) => symlinkSync('/dev/tty', path),
    'a link to itself': (path) => symlinkSync(path, path),
    'a link to a named pipe': (path, dir) => {
      execFileSync('mkfifo', [join(dir, 'pipe')])
      symlinkSync(join(dir, 'pipe'), path)
    },
    'a file with a hole of a terabyte': (path) => {
      writeFileSync(path, '{"conversationId":"x"')
      truncateSync(path, 2 ** 40)
    },
  }
  for (const [name, plant] of Object.entries(PLANTED)) {
    it(`${name} is corrupt at once, and replaced by the next save`, async () => {
      const dir = await temporaryDirectory()
      const path = join(dir, 'x.json')
      await plant(path, dir)
      const storage = new FileStorage({ dir })
      await expect(storage.load('x')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', conversationId: 'x' })
      await storage.save(sample('x'))
      expect(await storage.load('x')).toEqual(sample('x'))
      expect(lstatSync(path).isFile()).toBe(true)
    })
  }

  it('a directory is corrupt and stays', async () => {
    const dir = await temporaryDirectory()
    mkdirSync(join(dir, 'x.json'))
    const storage = new FileStorage({ dir })
    for (const operation of [() => storage.load('x'), () => storage.save(sample('x')), () => storage.delete('x')]) {
      await expect(operation()).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
    }
    expect(readdirSync(dir)).toEqual(['x.json'])
  })

  it('a link is never followed by a save or a delete', async () => {
    const dir = await temporaryDirectory()
    const outside = join(await temporaryDirectory(), 'precious')
    writeFileSync(outside, JSON.stringify(sample('a:b')))
    const storage = new FileStorage({ dir })
    // Its own name, and the plain one of another program.
    for (const name of ['a%3Ab.json', 'a:b.json']) {
      symlinkSync(outside, join(dir, name))
      await storage.save(sample('a:b', { slots: { mine: true } }))
      await storage.delete('a:b')
      expect(readFileSync(outside, 'utf8')).toBe(JSON.stringify(sample('a:b')))
      expect(readdirSync(dir)).toEqual([])
    }
    // Links with the names of temporary files are not followed, nor taken for abandoned ones.
    symlinkSync(outside, join(dir, '.flowkit-abcdefghijkl.tmp'))
    await storage.save(sample('a:b'))
    expect(readlinkSync(join(dir, '.flowkit-abcdefghijkl.tmp'))).toBe(outside)
    expect(existsSync(outside)).toBe(true)
  })
})

describe.runIf(UNIX)('only the owner may read', () => {
  for (const umask of [0o000, 0o022, 0o777]) {
    it(`with umask ${umask.toString(8)}`, async () => {
      const root = await temporaryDirectory()
      const { stderr, code } = await runChild('paths.mjs', { root, umask })
      expect(stderr).toBe('')
      expect(code).toBe(0)
      const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8)
      // Not given by the storage but made by it, the directories above included.
      for (const made of ['files', 'files/deep', 'files/deep/states', 'sqlite'])
        expect(mode(join(root, made))).toBe('700')
      for (const file of readdirSync(join(root, 'files/deep/states'))) {
        expect(mode(join(root, 'files/deep/states', file))).toBe('600')
      }
      for (const file of readdirSync(join(root, 'sqlite'))) expect(mode(join(root, 'sqlite', file))).toBe('600')
    })
  }
})

it.runIf(LINUX)('no id leads out of the directory', { timeout: 120_000 }, async () => {
  const root = await temporaryDirectory()
  const log = join(await temporaryDirectory(), 'trace')
  const trace = ['-f', '-qq', '-s', '8192', '-e', 'trace=%file', '-o', log]
  const argument = JSON.stringify({ root, umask: 0o022 })
  const { status, stderr } = spawnSync('strace', [...trace, process.execPath, child, argument], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const lines = readFileSync(log, 'utf8').split('\n')
  const begin = lines.findIndex((line) => line.includes('/marker-begin'))
  const end = lines.findIndex((line) => line.includes('/marker-end'))
  const calls = lines.slice(begin + 1, end).filter((line) => /^\d+ +\w+\(/.test(line))
  // Each operation touches a file at least.
  expect(calls.length).toBeGreaterThan(3 * hostileIds().length)
  const paths = calls.flatMap((line) => [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path]) => path as string))
  const dir = join(root, 'files/deep/states')
  const strange = paths.filter((path) => {
    const inside = path.startsWith(`${dir}/`) && !path.slice(dir.length + 1).includes('/') && !path.endsWith('/..')
    return !inside && path !== dir && !dir.startsWith(`${path}/`)
  })
  expect(strange).toEqual([])
})
