import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import samples from '../testing/samples.js'
import {
  cli,
  copyHere,
  fill,
  isThere,
  makeDirectory,
  makePlace,
  put,
  putRaw,
  readAll,
  readRaw,
  run,
  two,
} from './support/copies.js'
import { eventually, sleep } from './support/waiting.js'

const { sample } = samples
const require = createRequire(import.meta.url)
const { Transfer } = require('../cli/transfer.js')

const NOW = Date.now()
const text = (id: string, extra: object = {}) => JSON.stringify(sample(id, extra))

describe('copy', () => {
  it('replaces what is older, keeps what is newer, and leaves alone what is equal', async () => {
    const { from, to, addresses } = await two()
    const old = 3 * 86_400_000
    for (const id of ['new', 'older', 'newer', 'equal']) await put(from, id, text(id, { from: true }), old)
    await put(to, 'older', text('older'), 2 * old)
    await put(to, 'newer', text('newer'), 1_000)
    await put(to, 'equal', text('equal', { from: true }), old / 2)
    await put(to, 'other', text('other'), old)
    const before = await readAll(to)
    const dry = await cli(['copy', ...addresses, '--dry-run'])
    expect(dry).toMatchObject({ code: 0, stderr: '2 would be copied, 1 equal, 1 kept (newer there), 0 failed.\n' })
    expect(dry.stdout.split('\n').sort()).toEqual(['', '* older', '+ new'])
    expect(await readAll(to)).toEqual(before)
    const copied = await cli(['copy', ...addresses, '--check'])
    expect(copied.stderr).toBe('2 copied, 1 equal, 1 kept (newer there), 0 failed.\nChecked: 3 equal, 1 newer there.\n')
    expect(copied.code).toBe(0)
    const after = await readAll(to)
    for (const id of ['newer', 'equal', 'other']) expect(after.get(id)).toEqual(before.get(id))
    for (const id of ['new', 'older']) expect(after.get(id)).toEqual((await readAll(from)).get(id))
    const never = await cli(['copy', ...addresses, '--overwrite', 'never', '--json'])
    expect(JSON.parse(never.stdout)).toEqual({
      copied: 0,
      replaced: 0,
      equal: 3,
      renewed: 0,
      kept: 1,
      expired: 0,
      failed: 0,
    })
    expect((await cli(['copy', ...addresses, '--overwrite', 'always'])).stderr).toMatch(/^1 copied, 3 equal/)
    expect((await readRaw(to, 'newer'))?.text).toBe(text('newer', { from: true }))
  })

  it('never puts an older state over one that somebody saves meanwhile', async () => {
    const { from, to, addresses } = await two()
    const ids = Array.from({ length: 200 }, (_, at) => `c${at}`)
    for (const id of ids) await put(from, id, text(id, { slots: { n: 0 } }), 60_000)
    let [saved, hasEnded] = [0, false]
    const writing = (async () => {
      while (!hasEnded) {
        saved++
        await Promise.all(ids.map((id) => to.save(sample(id, { slots: { n: saved } }))))
      }
    })()
    for (let round = 0; round < 3; round++) expect((await cli(['copy', ...addresses])).code).toBe(0)
    hasEnded = true
    await writing
    for (const id of ids) expect((await to.load(id))?.slots).toEqual({ n: saved })
  })

  it.each(['memory', 'files', 'SQLite'] as const)(
    'writes by compare-and-set: of two at once the newer one stays, %s',
    async (way) => {
      const storage = (await makePlace(way)).open()
      const [first, older, newer] = [1, 2, 3].map((n) => ({
        text: text('a', { slots: { n } }),
        updatedAt: NOW - 10_000_000 + n * 1_000_000,
        expiresAt: null,
      }))
      for (const order of [
        [older, newer],
        [newer, older],
      ]) {
        const transfer = new Transfer(
          storage,
          { overwrite: 'older', isDry: false },
          { line: (line: string) => expect(line).toBe('') },
        )
        // Nothing is there, and then something older than both.
        await Promise.all(order.map((raw) => transfer.one('a', () => raw)))
        expect(await readRaw(storage, 'a')).toEqual(newer)
        await putRaw(storage, 'a', first?.text ?? '', { updatedAt: first?.updatedAt })
        await Promise.all(order.map((raw) => transfer.one('a', () => raw)))
        expect(await readRaw(storage, 'a')).toEqual(newer)
        await storage.delete('a')
      }
    },
  )

  it('copies what the bots save in FROM meanwhile as one of its states, with its age', async () => {
    const { from, to, addresses } = await two()
    const ids = Array.from({ length: 50 }, (_, at) => `c${at}`)
    let [round, hasEnded] = [0, false]
    const saveAll = () => Promise.all(ids.map((id) => from.save(sample(id, { slots: { n: round } }))))
    await saveAll()
    const writing = (async () => {
      for (; !hasEnded; round++) await saveAll()
    })()
    for (let copies = 0; copies < 3; copies++) expect((await cli(['copy', ...addresses])).code).toBe(0)
    hasEnded = true
    await writing
    expect(await cli(['copy', ...addresses])).toMatchObject({ code: 0 })
    expect(await readAll(to)).toEqual(await readAll(from))
  })

  it('lists what is corrupt, copies the rest, and puts nothing corrupt over a good state', async () => {
    const { from, to, addresses } = await two()
    await fill(from, 200)
    const dir = addresses[0] as string
    writeFileSync(join(dir, 'user-190.json'), '{"conversationId":"user-190"')
    writeFileSync(join(dir, 'user-191.json'), Buffer.from([0x7b, 0xff]))
    await to.save(sample('user-190'))
    const { code, stderr } = await cli(['copy', ...addresses, '--check', '--overwrite', 'always'])
    expect(code).toBe(4)
    expect(stderr).toContain('198 copied, 0 equal, 0 kept, 2 failed: see above.')
    expect(stderr).toMatch(/user-190[^\n]*not JSON/)
    expect(stderr).toMatch(/user-191[^\n]*UTF-8/)
    expect(await to.load('user-190')).toEqual(sample('user-190'))
    expect(await to.load('user-191')).toBeNull()
  })

  it('replaces what is corrupt in TO only if it may replace anything', async () => {
    const { from, to, addresses } = await two()
    await put(to, 'a', text('a'), 60_000)
    await put(from, 'a', text('a', { currentStep: 'repaired' }), 0)
    const back = [...addresses].reverse()
    writeFileSync(join(addresses[0] as string, 'a.json'), Buffer.from([0xff]))
    expect((await cli(['copy', ...back])).code).toBe(1)
    expect((await cli(['copy', ...back, '--overwrite', 'always'])).code).toBe(0)
    expect(await from.load('a')).toEqual(sample('a'))
  })

  it('keeps apart ids that differ in case, whose file names are hashed, or that hold control characters', async () => {
    const { from, to, addresses } = await two()
    const ids = [
      'User',
      'user',
      'USER',
      `long ${'é'.repeat(400)}`,
      'a/../b',
      '\u001b[2J\u0007',
      '\u202e',
      '..',
      'CON',
      '-rf',
    ]
    for (const id of ids) await put(from, id, text(id), 60_000)
    expect((await cli(['copy', ...addresses, '--check'])).stderr).toContain(`Checked: ${ids.length} equal.`)
    const there = await makePlace('files')
    expect((await cli(['copy', addresses[1] as string, there.address as string, '--check'])).code).toBe(0)
    expect(await readAll(there.open())).toEqual(await readAll(to))
    const listed = await cli(['check', addresses[0] as string, addresses[1] as string, '--all'])
    expect(listed.stdout).toContain('= \\u001b[2J\\u0007\n')
    expect(listed.stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\u202e/u)
  })

  it('goes on where it was killed, again and again, also beside another one', async () => {
    const { from, to, addresses, places } = await two()
    await fill(from, 600)
    for (let kill = 0; kill < 4; kill++) {
      const copies = [run(['copy', ...addresses]), run(['copy', ...addresses, '--concurrency', '3'])]
      await eventually('something is copied', () => isThere(places.to), { every: 1 })
      await sleep(Math.random() * 100)
      for (const { child } of copies) child.kill('SIGKILL')
      for (const { ended } of copies) await ended
    }
    const both = await Promise.all([cli(['copy', ...addresses]), cli(['copy', ...addresses])])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(await readAll(to)).toEqual(await readAll(from))
  })

  it('ends by Ctrl+C once what is under way is stored', async () => {
    const { from, to, addresses, places } = await two()
    await fill(from, 1_000)
    const { child, ended } = run(['copy', ...addresses, '--concurrency', '1'])
    await eventually('something is copied', async () => isThere(places.to) && (await to.count()) > 0, { every: 1 })
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining('Interrupted.') })
    const copied = Number(/^([\d,]+) copied/.exec(stderr)?.[1]?.replace(',', ''))
    expect(await to.count()).toBe(copied)
  })

  it('makes nothing in a dry run, and nothing of a FROM that is not there', async () => {
    const from = await makePlace('files')
    await fill(from.open(), 3)
    const dir = await makeDirectory()
    for (const to of ['there', 'there.db']) {
      const { code, stderr } = await cli(['copy', from.address as string, join(dir, to), '--dry-run'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '3 would be copied, 0 equal, 0 kept, 0 failed.\n' })
    }
    for (const missing of ['nowhere', 'nowhere.db']) {
      expect(await cli(['copy', join(dir, missing), join(dir, 'there')])).toMatchObject({ code: 1, stdout: '' })
      expect(await cli(['check', join(dir, missing), join(dir, 'there')])).toMatchObject({ code: 1, stdout: '' })
      expect(await cli(['export', join(dir, missing)])).toMatchObject({ code: 1, stdout: '' })
    }
    expect(readdirSync(dir)).toEqual([])
  })

  it('refuses what it does not understand', async () => {
    for (const wrong of [
      ['a'],
      ['a', 'b', 'c'],
      ['a', 'b', '--overwrite', 'newer'],
      ['a', 'b', '--concurrency', '0'],
    ]) {
      expect(await cli(['copy', ...wrong])).toMatchObject({ code: 2, stdout: '' })
    }
  })

  it('says of a conversation that is copied twice, within one process, that it is equal', async () => {
    const place = await makePlace('memory')
    const storage = place.open()
    await fill(storage, 50)
    const before = await readAll(storage)
    expect(await copyHere(storage, storage)).toBe(0)
    expect(await readAll(storage)).toEqual(before)
  })
})

it('writes nothing into FROM', async () => {
  const { from, addresses } = await two()
  await fill(from, 20)
  const dir = addresses[0] as string
  const before = readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')])
  await cli(['copy', ...addresses, '--check'])
  expect(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')])).toEqual(before)
})
