import { expect, it } from 'vitest'

import { runChild, startChild } from './support/child.js'
import { openPlace } from './support/open.mjs'
import type { Subject } from './support/subjects.js'
import { versioned, versionOf } from './support/versions.mjs'

/** The number of kills of the writer of P5, where something could be lost. */
const KILLS = Number(process.env.FLOWKIT_KILLS ?? 500)

/** Rounds of the other cases. A smaller number of kills makes these quicker, too; a larger one leaves them as they are. */
const ACKNOWLEDGEMENTS = Math.min(20, KILLS)
const WORKERS = Math.min(50, KILLS)

const IDS = ['kill-a', 'kill-b', 'kill:c']

/** P5, P6 and P11: what takes processes of its own to see. */
export function durabilityCases(subject: Omit<Subject, 'plant'>): void {
  const { persistent, runtime } = subject
  // A memory adapter forgets with its process: there the same cases show only that.
  const survives = (version: number) => (persistent ? version : 0)

  const kills = persistent ? (subject.kills ?? KILLS) : Math.min(20, KILLS)

  it('P5 shows old or new, whole, while a writer is killed again and again', { timeout: 1_800_000 }, async () => {
    const place = await subject.makePlace()
    const storage = openPlace(place)
    const versions: Record<string, number> = Object.fromEntries(IDS.map((id) => [id, 0]))
    for (let kill = 0; kill < kills; kill++) {
      const child = startChild('writer.mjs', { place, versions }, runtime)
      await child.line()
      const end = Date.now() + Math.random() * 25
      while (Date.now() < end) for (const id of IDS) versionOf(id, await storage.load(id))
      child.process.kill('SIGKILL')
      const { stdout, stderr } = await child.ending
      expect(stderr).toBe('')
      const acknowledged: Record<string, number> = { ...versions }
      for (const line of stdout.split('\n').slice(0, -1)) {
        const [id, version] = line.split(' ') as [string, string]
        acknowledged[id] = Number(version)
      }
      for (const id of IDS) {
        const found = versionOf(id, await storage.load(id))
        expect(found).toBeGreaterThanOrEqual(survives(acknowledged[id] as number))
        versions[id] = found
      }
    }
    expect(Object.values(versions).every((version) => (persistent ? version > 0 : version === 0))).toBe(true)
    await storage.close()
  })

  it(`P6 keeps what was acknowledged, killed right after it, ${ACKNOWLEDGEMENTS} times`, async () => {
    const place = await subject.makePlace()
    for (let round = 0; round < ACKNOWLEDGEMENTS; round++) {
      const id = `ack-${round}`
      const child = startChild('writer.mjs', { place, versions: { [id]: 0 } }, runtime)
      expect(await child.line()).toBe(`${id} 1`)
      child.process.kill('SIGKILL')
      await child.ending
      const storage = openPlace(place)
      expect(versionOf(id, await storage.load(id))).toBeGreaterThanOrEqual(survives(1))
      await storage.close()
    }
  })

  for (const ending of [
    'awaited',
    'natural end',
    'process.exit()',
    'process.exit() in a later turn',
    'uncaught throw',
  ]) {
    it(`P11 keeps 200 un-awaited saves: ${ending}`, async () => {
      const place = await subject.makePlace()
      const { code, signal, stdout, stderr } = await runChild('exits.mjs', { place, count: 100, ending }, runtime)
      expect({ signal, stdout }).toEqual({ signal: null, stdout: '' })
      expect(code).toBe(ending === 'uncaught throw' ? 1 : 0)
      if (ending === 'uncaught throw') expect(stderr).toContain('thrown on purpose')
      else expect(stderr).toBe('')
      const storage = openPlace(place)
      for (let index = 0; index < 100; index++) {
        expect(versionOf(`c${index}`, await storage.load(`c${index}`))).toBe(survives(2))
      }
      await storage.close()
    })
  }

  it('P11 keeps what a later exit listener saves', async () => {
    const place = await subject.makePlace()
    const outcome = await runChild('exits.mjs', { place, count: 5, ending: 'a later exit listener' }, runtime)
    expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    const storage = openPlace(place)
    for (let index = 0; index < 5; index++) {
      expect(versionOf(`c${index}`, await storage.load(`c${index}`))).toBe(survives(2))
    }
    await storage.close()
  })

  it('P11 lets a process end that only constructed it', async () => {
    const place = await subject.makePlace()
    const outcome = await runChild('exits.mjs', { place, ending: 'unused' }, runtime)
    expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
  })

  it(`P11 goes on when a worker is terminated in the middle of saves, ${WORKERS} times`, async () => {
    const place = await subject.makePlace()
    const outcome = await runChild('workers.mjs', { place, rounds: WORKERS }, runtime)
    expect(outcome).toEqual({ code: 0, signal: null, stdout: 'done\n', stderr: '' })
    const storage = openPlace(place)
    expect(versionOf('main', await storage.load('main'))).toBe(survives(WORKERS))
    await storage.save(versioned('main', WORKERS + 1))
    expect(versionOf('main', await storage.load('main'))).toBe(WORKERS + 1)
    await storage.close()
  })
}
