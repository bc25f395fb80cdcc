import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FileStorage } from '../index.js'
import samples from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

const { hostileIds, sample } = samples

async function open(options = {}) {
  const root = await temporaryDirectory()
  const dir = join(root, 'a', 'states')
  return { root, dir, storage: new FileStorage({ dir, ...options }) }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

describe('files on disk', () => {
  it('are the JSON text, under documented names', async () => {
    const { dir, storage } = await open()
    for (const id of ['user-1', 'whatsapp:+57300', '.', 'CON', 'a b']) await storage.save(sample(id))
    const names = ['user-1.json', 'whatsapp%3A+57300.json', '%2E.json', '%43ON.json', 'a b.json']
    expect((await readdir(dir)).sort()).toEqual(names.sort())
    expect(await readFile(join(dir, 'user-1.json'), 'utf8')).toBe(JSON.stringify(sample('user-1')))
  })

  it('are indented where that is asked for', async () => {
    const { dir, storage } = await open({ pretty: true, extension: '.state' })
    await storage.save(sample('user-1'))
    expect(await readFile(join(dir, 'user-1.state'), 'utf8')).toBe(JSON.stringify(sample('user-1'), null, 2))
  })

  it('are readable by their owner alone, whatever the umask', async () => {
    const umask = process.umask(0)
    try {
      const { root, dir, storage } = await open()
      await storage.save(sample('user-1'))
      expect((await stat(dir)).mode & 0o777).toBe(0o700)
      expect((await stat(join(root, 'a'))).mode & 0o777).toBe(0o700)
      expect((await stat(join(dir, 'user-1.json'))).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(umask)
    }
  })

  it('stay inside the directory, one for each id, and leave no temporary file', async () => {
    const { root, dir, storage } = await open()
    await Promise.all(hostileIds().map((id: string) => storage.save(sample(id))))
    const names = await readdir(dir)
    expect(names).toHaveLength(hostileIds().length)
    expect(names.every((name) => /^[\w@+=, %-][\w.@+=, %-]*\.json$/.test(name))).toBe(true)
    expect(await readdir(root)).toEqual(['a'])
    expect(await readdir(join(root, 'a'))).toEqual(['states'])
    await Promise.all(hostileIds().map((id: string) => storage.delete(id)))
    expect(await readdir(dir)).toEqual([])
  })

  it('are made again where the directory vanished', async () => {
    const { dir, storage } = await open()
    await storage.save(sample('one'))
    const { rm } = await import('node:fs/promises')
    await rm(dir, { recursive: true })
    expect(await storage.load('one')).toBeNull()
    await storage.delete('one')
    await storage.save(sample('two'))
    expect(await readdir(dir)).toEqual(['two.json'])
  })
})

describe('files of other programs, under the plain id', () => {
  const id = 'whatsapp:+57300'

  async function withPlainFile(text: string) {
    const { dir, storage } = await open()
    await mkdir(dir, { recursive: true })
    const plain = join(dir, `${id}.json`)
    await writeFile(plain, text)
    return { dir, plain, storage }
  }

  it('are found by load', async () => {
    const { storage } = await withPlainFile(JSON.stringify(sample(id), null, 4))
    expect(await storage.load(id)).toEqual(sample(id))
  })

  it('are replaced by save', async () => {
    const { dir, storage } = await withPlainFile(JSON.stringify(sample(id)))
    await storage.save(sample(id, { currentStep: 'new' }))
    expect(await readdir(dir)).toEqual(['whatsapp%3A+57300.json'])
    expect((await storage.load(id))?.currentStep).toBe('new')
  })

  it('are removed by delete', async () => {
    const { dir, storage } = await withPlainFile(JSON.stringify(sample(id)))
    await storage.delete(id)
    expect(await readdir(dir)).toEqual([])
  })

  it('are left alone where they hold another conversation', async () => {
    const { plain, storage } = await withPlainFile(JSON.stringify(sample('another')))
    expect(await storage.load(id)).toBeNull()
    await storage.save(sample(id))
    await storage.delete(id)
    expect(await exists(plain)).toBe(true)
  })

  it('are corrupt, not absent, where they are no JSON', async () => {
    const { plain, storage } = await withPlainFile('{"conversationId":')
    await expect(storage.load(id)).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' })
    await storage.save(sample(id))
    expect(await storage.load(id)).toEqual(sample(id))
    expect(await exists(plain)).toBe(true)
  })
})

describe('bad places', () => {
  it('a dir that is a file', async () => {
    const root = await temporaryDirectory()
    await writeFile(join(root, 'file'), 'precious')
    for (const dir of [join(root, 'file'), join(root, 'file', 'below')]) {
      const storage = new FileStorage({ dir })
      for (const operation of [storage.save(sample('a')), storage.load('a'), storage.delete('a')]) {
        await expect(operation).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS', adapter: 'file' })
      }
    }
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('precious')
  })

  it('a directory in the place of a state', async () => {
    const { dir, storage } = await open()
    await mkdir(join(dir, 'a.json'), { recursive: true })
    await expect(storage.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', conversationId: 'a' })
    await expect(storage.save(sample('a'))).rejects.toMatchObject({ adapter: 'file', operation: 'save' })
    await storage.save(sample('b'))
    expect((await readdir(dir)).sort()).toEqual(['a.json', 'b.json'])
  })

  it('bytes that are no UTF-8', async () => {
    const { dir, storage } = await open()
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, 'a.json'), Buffer.from([0x7b, 0xff, 0x7d]))
    await expect(storage.load('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_CORRUPT',
      message: expect.stringContaining('a.json'),
    })
  })

  it('a symbolic link in the place of a state is replaced, not followed', async () => {
    const { root, dir, storage } = await open()
    const { symlink } = await import('node:fs/promises')
    await mkdir(dir, { recursive: true })
    await writeFile(join(root, 'precious'), 'precious')
    await symlink(join(root, 'precious'), join(dir, 'a.json'))
    await storage.save(sample('a'))
    expect(await readFile(join(root, 'precious'), 'utf8')).toBe('precious')
    expect(await storage.load('a')).toEqual(sample('a'))
  })

  it('states readable by others are still read', async () => {
    const { dir, storage } = await open()
    await storage.save(sample('a'))
    await chmod(join(dir, 'a.json'), 0o644)
    expect(await storage.load('a')).toEqual(sample('a'))
  })
})
