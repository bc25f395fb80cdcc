// `flowkit-storage studio`: what it prints, and when it ends.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

import { FileStorage } from '../index.js'
import { sample } from '../testing/samples.js'
import { temporaryDirectory } from './support/subjects.js'

const MAIN = fileURLToPath(new URL('../cli/main.js', import.meta.url))
const UNIX = process.platform !== 'win32'

async function makeStore(): Promise<string> {
  const dir = join(await temporaryDirectory(), 'states')
  const storage = new FileStorage({ dir })
  await storage.save(sample('ana'))
  await storage.close()
  return dir
}

/** Starts a program that starts the viewer. Resolves once it has printed its address. */
async function start(command: string, args: string[], stdin: 'pipe' | 'ignore' = 'pipe', options: SpawnOptions = {}) {
  const child = spawn(command, args, { stdio: [stdin, 'pipe', 'pipe'], ...options })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ending = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const [url] = (await once(createInterface(child.stdout as NonNullable<ChildProcess['stdout']>), 'line')) as [string]
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[0-9a-f]{32}\s*$/)
  return { child, ending, url: url.trim() }
}

const startViewer = async (stdin?: 'pipe' | 'ignore') =>
  start(process.execPath, [MAIN, 'studio', await makeStore()], stdin)

const isUp = (url: string) =>
  fetch(url).then(
    ({ status }) => status === 200,
    () => false,
  )

/** Waits until nobody listens any more. */
async function untilDown(url: string): Promise<void> {
  while (await isUp(url)) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('flowkit-storage studio', () => {
  it('prints the address alone on its standard output, and what to do with it beside that', async () => {
    const { child, ending, url } = await startViewer()
    expect(await isUp(url)).toBe(true)
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    child.kill('SIGINT')
    await ending
    expect(said).toMatch(/^Open this address in a browser on this machine\./)
  })

  it('changes nothing of the store, whatever is looked at', async () => {
    const dir = await makeStore()
    writeFileSync(join(dir, 'broken.json'), '{')
    const files = () =>
      readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mtimeMs, readFileSync(join(dir, name), 'utf8')])
    const before = files()
    const { child, ending, url } = await start(process.execPath, [MAIN, 'studio', dir])
    const { origin, hash } = new URL(url)
    const session = await fetch(`${origin}/session`, { headers: { Authorization: `Bearer ${hash.slice(1)}` } })
    const { base } = (await session.json()) as { base: string }
    const headers = { Cookie: session.headers.get('set-cookie')?.split(';')[0] ?? '' }
    for (const path of [
      'list',
      'conversation?id=ana',
      'conversation?id=broken',
      'conversation?id=nobody',
      'text?id=ana',
    ]) {
      expect((await fetch(origin + base + path, { headers })).status).toBe(200)
    }
    child.kill('SIGTERM')
    await ending
    expect(files()).toEqual(before)
  })

  it.runIf(UNIX).each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
    ['SIGHUP', 0],
  ] as const)('ends at %s, also while a browser is connected', async (signal, code) => {
    const { child, ending, url } = await startViewer()
    expect(await isUp(url)).toBe(true)
    child.kill(signal)
    expect(await ending).toEqual([code, null])
    expect(await isUp(url)).toBe(false)
  })

  it('ends with the program that started it and holds its input', async () => {
    const { child, ending, url } = await startViewer()
    expect(await isUp(url)).toBe(true)
    child.stdin?.end()
    expect(await ending).toEqual([0, null])
  })

  it('goes on without an input, as in a container', async () => {
    const { child, ending, url } = await startViewer('ignore')
    expect(await isUp(url)).toBe(true)
    child.kill('SIGTERM')
    await ending
  })

  const hasScript = UNIX && spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0
  it.runIf(hasScript)('ends with its terminal', async () => {
    // A terminal of its own, which is gone with the program that made it.
    const command = `${process.execPath} ${MAIN} studio ${await makeStore()}`
    const { child, url } = await start('script', ['-qec', command, '/dev/null'], 'pipe', { detached: true })
    expect(await isUp(url)).toBe(true)
    child.kill('SIGKILL')
    await untilDown(url)
  })

  it('makes nothing, and says what is wrong, if there is no such store', async () => {
    const dir = join(await temporaryDirectory(), 'nowhere')
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [MAIN, 'studio', ...args], { encoding: 'utf8', timeout: 30_000 })
    const missing = run(dir)
    expect([missing.status, missing.stdout]).toEqual([1, ''])
    expect(missing.stderr).toContain('There is no directory')
    expect(run().status).toBe(2)
    expect(run(dir, dir).status).toBe(2)
    expect(run(dir, '--port', '80').status).toBe(2)
    expect(run('--help').stdout).toContain('Usage: flowkit-storage studio STORE')
  })
})
