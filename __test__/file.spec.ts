import { createHash } from 'node:crypto'
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

describe('files that this package wrote under another name', () => {
  const long = 'y'.repeat(150)
  const hashed = `${'é'.repeat(20)}${'e'.repeat(100)}`
  for (const [what, id, name] of [
    ['where case is ignored', 'User-1', '%55ser-1'],
    ['where names are short', long, `${'y'.repeat(37)}%-${createHash('sha256').update(long).digest('hex')}`],
    [
      'before hashed names were short',
      hashed,
      `${'%C3%A9'.repeat(20)}%-${createHash('sha256').update(hashed).digest('hex')}`,
    ],
  ] as const) {
    it(`${what} are found, and go with the next save or delete`, async () => {
      const { dir, storage } = await open()
      const write = () => writeFile(join(dir, `${name}.json`), JSON.stringify(sample(id)))
      await mkdir(dir, { recursive: true })
      await write()
      expect(await storage.load(id)).toEqual(sample(id))
      await storage.save(sample(id, { currentStep: 'new' }))
      expect(await readdir(dir)).toHaveLength(1)
      expect(await exists(join(dir, `${name}.json`))).toBe(false)
      await write()
      expect((await storage.load(id))?.currentStep).toBe('new')
      await storage.delete(id)
      expect(await readdir(dir)).toEqual([])
    })
  }
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

  it('a byte order mark, which no editor shows', async () => {
    const { dir, storage } = await open()
    await mkdir(dir, { recursive: true })
    const text = JSON.stringify(sample('a'))
    for (const bytes of [Buffer.from(`\ufeff${text}`), Buffer.from(`\ufeff${text}`, 'utf16le')]) {
      await writeFile(join(dir, 'a.json'), bytes)
      await expect(storage.load('a')).rejects.toMatchObject({
        code: 'ERR_STORAGE_CORRUPT',
        message: expect.stringMatching(/a\.json begins with a byte order mark: save it as UTF-8 without one\.$/),
      })
    }
    await writeFile(join(dir, 'a.json'), JSON.stringify(sample('a'), null, 2).replaceAll('\n', '\r\n'))
    expect(await storage.load('a')).toEqual(sample('a'))
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

  it.skipIf(process.platform === 'win32')('links that lead in a circle', async () => {
    const { root, dir, storage } = await open()
    const { symlink } = await import('node:fs/promises')
    await symlink('circle', join(root, 'circle'))
    const other = new FileStorage({ dir: join(root, 'circle') })
    for (const run of [() => other.save(sample('a')), () => other.load('a'), () => other.delete('a')]) {
      await expect(run()).rejects.toMatchObject({ code: 'ERR_STORAGE_INVALID_OPTIONS', cause: { code: 'ELOOP' } })
    }
    await mkdir(dir, { recursive: true })
    await symlink('a.json', join(dir, 'a.json'))
    await expect(storage.load('a')).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT', cause: { code: 'ELOOP' } })
    await storage.save(sample('a'))
    expect(await storage.load('a')).toEqual(sample('a'))
  })

  it('states readable by others are still read', async () => {
    const { dir, storage } = await open()
    await storage.save(sample('a'))
    await chmod(join(dir, 'a.json'), 0o644)
    expect(await storage.load('a')).toEqual(sample('a'))
  })
})
