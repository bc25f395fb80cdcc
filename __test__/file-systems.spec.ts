import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { FileStorage } from '../index.js'
import samples from '../testing/samples.js'
import { bind, btrfs, clockBehind, encfs, exfat, mount, ntfs, unmount } from './support/mounts.js'
import { temporaryDirectory } from './support/subjects.js'

const { sample } = samples

const EXFAT = mount('exFAT', exfat)
const NTFS = mount('NTFS that ignores case', ntfs)
const ENCFS = mount('EncFS', encfs)
const BTRFS = mount('Btrfs', btrfs)
const BEHIND = mount('a volume with a wrong clock', clockBehind)

let directories = 0
/** Returns a new directory on a volume. */
const newDir = (volume: string | undefined) => join(volume as string, `dir-${++directories}`, 'states')

const lowerNames = async (dir: string) => (await readdir(dir)).map((name) => name.toLowerCase()).sort()

for (const [name, volume] of [
  ['exFAT', EXFAT],
  ['NTFS', NTFS],
] as const) {
  describe.skipIf(volume === undefined)(`a volume that ignores case: ${name}`, () => {
    it('keeps apart ids that differ in case alone', async () => {
      const dir = newDir(volume)
      const storage = new FileStorage({ dir })
      await storage.save(sample('Ann'))
      await storage.save(sample('ann', { currentStep: 'second' }))
      await storage.save(sample('Bob'))
      await storage.delete('bOB')
      expect((await readdir(dir)).sort()).toEqual(['%41nn.json', '%42ob.json', 'ann.json'])
      for (const [id, step] of [
        ['Ann', 'first'],
        ['ann', 'second'],
      ] as const) {
        expect(await storage.load(id)).toEqual(step === 'first' ? sample(id) : sample(id, { currentStep: step }))
      }
      expect(await storage.load('Bob')).toEqual(sample('Bob'))
      expect(await storage.load('bOB')).toBeNull()
    })

    it('finds what was written where case counts, and nobody takes it for its own', async () => {
      const dir = newDir(volume)
      await mkdir(dir, { recursive: true })
      for (const id of ['Ann', 'Bob', 'Eve', 'Zoe'])
        await writeFile(join(dir, `${id}.json`), JSON.stringify(sample(id)))
      const storage = new FileStorage({ dir })
      expect(await storage.load('Ann')).toEqual(sample('Ann'))
      expect(await storage.load('ann')).toBeNull()
      expect(await storage.has('ANN')).toBe(false)
      await storage.save(sample('ann'))
      await storage.delete('bob')
      await storage.save(sample('Eve', { currentStep: 'new' }))
      await storage.delete('Zoe')
      expect(await lowerNames(dir)).toEqual(['%41nn.json', '%45ve.json', 'ann.json', 'bob.json'])
      for (const id of ['Ann', 'ann', 'Bob']) expect(await storage.load(id)).toEqual(sample(id))
      expect(await storage.load('Eve')).toEqual(sample('Eve', { currentStep: 'new' }))
    })
  })
}

for (const [name, volume] of [
  ['exFAT', EXFAT],
  ['NTFS', NTFS],
  ['EncFS', ENCFS],
  ['a wrong clock', BEHIND],
] as const) {
  describe.skipIf(volume === undefined)(`a volume with peculiarities: ${name}`, () => {
    it('lists each conversation once, and dates it by the clock of this machine', async () => {
      const dir = newDir(volume)
      await mkdir(dir, { recursive: true })
      // Written where case counts, or by another program.
      for (const id of ['Eve', 'Zoe']) await writeFile(join(dir, `${id}.json`), JSON.stringify(sample(id)))
      const storage = new FileStorage({ dir, ttl: 3_600 })
      const ids = ['Ann', 'ann', 'ANN', 'é', 'É', 'wa:1', 'CON', 'y'.repeat(1000), 'Y'.repeat(160), '日'.repeat(60)]
      for (const id of ids) await storage.save(sample(id))
      await storage.save(sample('Zoe'))
      const listed = []
      for await (const { id, updatedAt } of storage.list()) {
        listed.push(id)
        if (id !== 'Eve') expect(Math.abs(Date.now() - (updatedAt as number))).toBeLessThan(600_000)
      }
      const known = volume === BEHIND ? [...ids, 'Zoe'] : [...ids, 'Eve', 'Zoe']
      expect(listed.sort()).toEqual(known.sort())
      expect(await storage.count({ prefix: 'A' })).toBe(2)
      for (const id of ids) expect(await storage.touch(id)).toBe(true)
      // Not what another program wrote a moment ago, whatever the clock of the volume says.
      expect(await storage.purge({ olderThan: 3_600 })).toMatchObject({ removed: 0 })
      expect(await new FileStorage({ dir }).clear({ all: true })).toBe(ids.length + 2)
      expect(await readdir(dir)).toEqual([])
    })
  })
}

describe.skipIf(BTRFS === undefined)('a volume that moves what is replaced: Btrfs', () => {
  it('lists what is saved all the time', async () => {
    const dir = newDir(BTRFS)
    await mkdir(dir, { recursive: true })
    for (let n = 0; n < 3_000; n++)
      await writeFile(join(dir, `c-${n}.json`), JSON.stringify({ conversationId: `c-${n}` }))
    const [saver, lister] = [new FileStorage({ dir, durable: false }), new FileStorage({ dir })]
    let isListing = true
    const save = async () => {
      while (isListing) await saver.save(sample('hot'))
    }
    await saver.save(sample('hot'))
    const saving = save()
    let missed = 0
    for (let round = 0; round < 100; round++) missed += (await lister.count({ prefix: 'hot' })) === 1 ? 0 : 1
    isListing = false
    await saving
    expect(missed).toBe(0)
  })
})

describe.skipIf(EXFAT === undefined)('conversations', () => {
  it('stay apart where a volume is mounted later than the storage was first used', async (context) => {
    const [volume, dir] = [newDir(EXFAT), await temporaryDirectory()]
    await mkdir(volume, { recursive: true })
    const storage = new FileStorage({ dir })
    await storage.save(sample('Early'))
    if (!bind(volume, dir)) return context.skip('mounting is not allowed here')
    onTestFinished(() => unmount(dir))
    await storage.save(sample('Ann'))
    await storage.save(sample('ann'))
    expect((await readdir(dir)).sort()).toEqual(['%41nn.json', 'ann.json'])
  })

  it('can be carried from a volume that ignores case to one that does not, and back', async () => {
    const [there, here, back] = [newDir(EXFAT), join(await temporaryDirectory(), 'states'), newDir(EXFAT)]
    for (const dir of [here, back]) await mkdir(dir, { recursive: true })
    const carry = async (from: string, to: string) => {
      for (const name of await readdir(from)) await copyFile(join(from, name), join(to, name))
    }
    const ids = ['User-1', 'user-2', 'Long '.repeat(40), 'CON', 'é']
    const [first, second, third] = [there, here, back].map((dir) => new FileStorage({ dir })) as [
      FileStorage,
      FileStorage,
      FileStorage,
    ]
    for (const id of ids) await first.save(sample(id))
    await carry(there, here)
    for (const id of ids) expect(await second.load(id)).toEqual(sample(id))
    for (const id of ids) await second.save(sample(id, { currentStep: 'second' }))
    expect(await readdir(here)).toHaveLength(ids.length)
    await carry(here, back)
    for (const id of ids) expect(await third.load(id)).toEqual(sample(id, { currentStep: 'second' }))
    for (const id of ids) await third.delete(id)
    expect(await readdir(back)).toEqual([])
  })
})

describe.skipIf(ENCFS === undefined)('a volume with short names', () => {
  it('takes every id', async () => {
    const dir = newDir(ENCFS)
    for (const extension of ['.json', `.${'x'.repeat(39)}`]) {
      const storage = new FileStorage({ dir, extension })
      for (const id of [
        `whatsapp:${'日'.repeat(60)}`,
        'y'.repeat(1000),
        'z'.repeat(160),
        'User'.repeat(40),
        '日'.repeat(70),
      ]) {
        expect(await storage.load(id)).toBeNull()
        await storage.save(sample(id))
        expect(await storage.load(id)).toEqual(sample(id))
        await storage.delete(id)
      }
    }
    expect(await readdir(dir)).toEqual([])
  })
})

describe.skipIf(BEHIND === undefined)('a volume whose clock is two hours behind', () => {
  it('loses no first save to the sweep, of this storage or of another', async () => {
    for (let round = 0; round < 60; round++) {
      const dir = newDir(BEHIND)
      const storages = [new FileStorage({ dir }), new FileStorage({ dir })]
      await Promise.all(
        storages.flatMap((storage, index) => [0, 1, 2].map((id) => storage.save(sample(`${index}-${id}`)))),
      )
      expect(await readdir(dir)).toHaveLength(6)
    }
  })
})

describe('what no later attempt can cure', () => {
  it('a single file that is mounted by itself', async (context) => {
    const dir = await temporaryDirectory()
    const path = join(dir, 'my user.json')
    await writeFile(path, JSON.stringify(sample('my user')))
    if (!bind(path, path)) return context.skip('mounting is not allowed here')
    onTestFinished(() => unmount(path))
    const storage = new FileStorage({ dir })
    expect(await storage.load('my user')).toEqual(sample('my user'))
    for (const operation of [storage.save(sample('my user')), storage.delete('my user')]) {
      await expect(operation).rejects.toMatchObject({
        code: 'ERR_STORAGE_DENIED',
        retryable: false,
        message: expect.stringContaining('my user.json is mounted by itself; mount its directory instead'),
        cause: { code: 'EBUSY' },
      })
    }
    expect(await storage.load('my user')).toEqual(sample('my user'))
    expect(await readdir(dir)).toEqual(['my user.json'])
  })

  it.skipIf(process.platform === 'win32')('a file above the limit of the process', async () => {
    const dir = await temporaryDirectory()
    const script = `
      import { FileStorage } from ${JSON.stringify(new URL('../index.js', import.meta.url).href)}
      const state = (id, text) => ({ conversationId: id, text })
      const storage = new FileStorage({ dir: process.argv[1] })
      await storage.save(state('a', 'small'))
      const error = await storage.save(state('a', 'x'.repeat(1 << 20))).catch((error) => error)
      const { code, retryable, cause } = error
      console.log(JSON.stringify([code, retryable, cause.code, (await storage.load('a')).text]))`
    const command = `ulimit -f 64; exec "${process.execPath}" --input-type=module -e "$0" "$1"`
    const { stdout, stderr } = spawnSync('sh', ['-c', command, script, dir], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual(['ERR_STORAGE_DENIED', false, 'EFBIG', 'small'])
    expect(await readdir(dir)).toEqual(['a.json'])
  })

  it('a directory whose path is too long', async () => {
    const dir = join(await temporaryDirectory(), 'd'.repeat(300))
    const storage = new FileStorage({ dir })
    for (const operation of [storage.save(sample('a')), storage.load('a'), storage.delete('a')]) {
      await expect(operation).rejects.toMatchObject({
        code: 'ERR_STORAGE_INVALID_OPTIONS',
        retryable: false,
        cause: { code: 'ENAMETOOLONG' },
      })
    }
  })
})
