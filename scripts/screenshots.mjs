// `npm run screenshots`: the pictures of the viewer in `docs/images/`, of a store made for them. Needs Chromium.
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findChromium, startChromium } from '../__test__/support/chromium.mjs'
import { FileStorage } from '../index.js'
import { ROOT } from './setup.mjs'

const { startStudio } = createRequire(import.meta.url)('../cli/studio/server.js')

const IMAGES = join(ROOT, 'docs', 'images')
/** In bytes: a page with pictures is read on slow lines, too. */
const LARGEST = 150_000
const PICTURES = {
  'studio-light.png': { width: 1_000, height: 640 },
  'studio-dark.png': { width: 1_000, height: 640, dark: true },
  'studio-narrow.png': { width: 360, height: 640 },
}

const TALK = [
  ['assistant', 'Hi! What is your name?'],
  ['user', 'Ana'],
  ['assistant', 'Which size, Ana: small, medium or large?'],
  ['user', 'the biggest you have'],
  ['assistant', 'I have no "the biggest you have". Which size: small, medium or large?'],
  ['user', 'large, then'],
  ['assistant', 'A large pizza to Calle 10 #4-20, Bogotá. Shall I order it?'],
]

/** Stores some conversations, the one that is shown last. */
async function fill(storage) {
  const channels = ['telegram:99120', 'web:7f3a-22', 'whatsapp:+5730112', 'whatsapp:+4915512']
  for (let at = 0; at < 24; at++) {
    const history = TALK.slice(0, 1 + (at % 6)).map(([role, content]) => ({ role, content }))
    await storage.save(state(`${channels[at % 4]}${String(345 + at * 37)}`, 'ask_size', history))
  }
  const history = TALK.map(([role, content]) => ({ role, content }))
  await storage.save(state('whatsapp:+573001234567', 'confirm', history))
}

const state = (conversationId, currentStep, history) => ({
  conversationId,
  currentStep,
  slots: { user_name: 'Ana', _attempts: 1, size: 'large', address: { street: 'Calle 10 #4-20', city: 'Bogotá' } },
  history,
  ended: false,
  createdAt: Date.now() - 90_000,
  updatedAt: Date.now(),
})

if (findChromium() === undefined) {
  console.error('Install Chromium (apt-get install chromium), or name one in CHROMIUM.')
  process.exit(1)
}
const dir = mkdtempSync(join(tmpdir(), 'flowkit-screenshots-'))
const storage = new FileStorage({ dir, ttl: 30 * 86_400 })
await fill(storage)
const studio = await startStudio({ storage, describe: './data' })
const browser = await startChromium()
const page = await browser.newPage()
mkdirSync(IMAGES, { recursive: true })
for (const [name, window] of Object.entries(PICTURES)) {
  await page.show(window)
  await page.go(studio.url)
  await page.until(`document.querySelectorAll('[role=option]').length > 20`)
  await page.run(`document.querySelector('[title="whatsapp:+573001234567"]').click()`)
  await page.until(`document.querySelectorAll('#history li').length === ${TALK.length}`)
  const path = join(IMAGES, name)
  writeFileSync(path, await page.screenshot())
  const { size } = statSync(path)
  console.log(`docs/images/${name}: ${size} bytes`)
  if (size > LARGEST) process.exitCode = 1
}
await browser.close()
await studio.close()
await storage.close()
rmSync(dir, { recursive: true })
