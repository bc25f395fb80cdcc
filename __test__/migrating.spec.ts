// The programs printed in docs/migrating.md, run as printed.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'

import { FileStorage, MemoryStorage, type StorageAdapter } from '../index.js'
import { temporaryDirectory } from './support/subjects.js'

const PAGE = readFileSync(new URL('../docs/migrating.md', import.meta.url), 'utf8')

/** Writes the program of this name into `dir` and returns its path. */
async function take(name: string, dir: string): Promise<string> {
  const [, text] = PAGE.split(`\`\`\`js ${name}\n`)
  if (text === undefined) throw new Error(`docs/migrating.md has no ${name}`)
  const path = join(dir, name)
  await writeFile(path, text.slice(0, text.indexOf('```')))
  return path
}

function state(conversationId: string, currentStep = 'size') {
  return { conversationId, currentStep, slots: {}, history: [], ended: false, createdAt: 1, updatedAt: 2 }
}

it('plain names are found, replaced, and given back', async () => {
  const room = await temporaryDirectory()
  const dir = join(room, 'states')
  await mkdir(dir)
  await writeFile(join(dir, 'whatsapp:+57300.json'), JSON.stringify(state('whatsapp:+57300', 'old')))

  const storage = new FileStorage({ dir })
  expect(await storage.load('whatsapp:+57300')).toEqual(state('whatsapp:+57300', 'old'))
  await storage.save(state('whatsapp:+57300'))
  await storage.save(state('plain'))
  await storage.save(state('../up'))
  await storage.save(state('💬'))
  await storage.save(state('taken?'))
  await writeFile(join(dir, 'taken?.json'), 'of another program')
  await storage.close()
  expect(await readdir(dir)).toContain('whatsapp%3A+57300.json')

  const output = execFileSync(process.execPath, [await take('plain-names.mjs', room), dir], { encoding: 'utf8' })
  const names = (await readdir(dir)).filter((name) => name.endsWith('.json'))
  const kept = ['%2E.%2Fup.json', 'taken%3F.json']
  expect(names.sort()).toEqual([...kept, 'plain.json', 'taken?.json', 'whatsapp:+57300.json', '💬.json'].sort())
  expect(JSON.parse(readFileSync(join(dir, 'whatsapp:+57300.json'), 'utf8'))).toEqual(state('whatsapp:+57300'))
  for (const name of kept) expect(output).toContain(`${name} stays: `)
})

it('two storages side by side answer as the old one, and differences are reported', async () => {
  const { SideBySide } = await import(pathToFileURL(await take('side-by-side.mjs', await temporaryDirectory())).href)
  const old = new MemoryStorage()
  const next = new MemoryStorage()
  const reports: unknown[] = []
  const both: StorageAdapter = new SideBySide(old, next, (...report: unknown[]) => reports.push(report))

  await both.save(state('a'))
  expect(await both.load('a')).toEqual(state('a'))
  expect(await both.load('nobody')).toBeNull()
  expect(reports).toEqual([])

  await old.save(state('before'))
  expect(await both.load('before')).toEqual(state('before'))
  expect(reports).toEqual([['before', null]])

  await both.delete('a')
  expect([await old.load('a'), await next.load('a')]).toEqual([null, null])
  await next.close()
  await both.save(state('a'))
  expect(reports[1]).toMatchObject(['a', { code: 'ERR_STORAGE_CLOSED' }])
})
