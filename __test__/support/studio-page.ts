import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'

import { type Browser, findChromium, type Page, startChromium } from './chromium.mjs'
import { openStudio, type Studio } from './studio.js'
import { MEMORY } from './subjects.js'

const CHROMIUM = findChromium()
let browser: Browser

/** Describes tests that need a browser. Names in `hosts` lead to this machine. */
export function describeInBrowser(name: string, tests: () => void, hosts: string[] = []): void {
  describe.skipIf(CHROMIUM === undefined)(`${name} (needs Chromium: apt-get install chromium)`, () => {
    beforeAll(async () => {
      if (CHROMIUM !== undefined) browser = await startChromium({ command: CHROMIUM, hosts })
    })
    afterAll(() => browser.close())
    tests()
  })
}

export async function newPage(): Promise<Page> {
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  await page.show()
  return page
}

/** Opens the viewer of a storage in a page of its own. */
export async function openPage(storage: object): Promise<{ studio: Studio; page: Page }> {
  const studio = await openStudio(storage, './a-store')
  const page = await newPage()
  await page.go(studio.url)
  await page.until(`document.getElementById('count').textContent !== ''`)
  return { studio, page }
}

export const OPTIONS = `[...document.querySelectorAll('[role=option]')]`
export const text = (id: string) => `document.getElementById('${id}').textContent`
export const isShown = (id: string) => `document.getElementById('${id}').checkVisibility()`

/** Opens the conversation with this title, as a click does. */
export async function choose(page: Page, title: string): Promise<void> {
  const name = JSON.stringify(title)
  await page.until(`${OPTIONS}.some((option) => option.title === ${name})`)
  await page.run(`${OPTIONS}.find((option) => option.title === ${name}).click()`)
  await page.until(`${text('id')} === ${name} && document.querySelector('#facts div') !== null`)
}

/** Stores a text that no storage would save. */
export async function plant(storage: object, id: string, json: string): Promise<void> {
  await MEMORY.plant({ adapter: 'memory', options: undefined }, storage, id, json)
}
