// The viewer's page, as its reader has it.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'

import { MemoryStorage } from '../index.js'
import { sample } from '../testing/samples.js'
import { openStudio } from './support/studio.js'
import { choose, describeInBrowser, isShown, newPage, OPTIONS, openPage, plant, text } from './support/studio-page.js'

const require = createRequire(import.meta.url)

describeInBrowser('the page of the viewer', () => {
  it('gives the key for a cookie, takes it out of the address, and can be loaded again', async () => {
    const storage = new MemoryStorage()
    await storage.save(sample('ana'))
    const { studio, page } = await openPage(storage)
    const address = await page.run('location.href')
    expect(address).toMatch(new RegExp(`^http://127.0.0.1:${studio.port}/[0-9a-f]{32}/$`))
    expect(await page.run('document.cookie')).toBe('')
    expect(await page.run('history.length')).toBeLessThanOrEqual(2)
    await page.go(address)
    await page.until(`${OPTIONS}.length === 1`)
    expect(await page.run('document.title')).toBe('Conversations in ./a-store')
    // Everything that it asked for was here, and nothing that it does is refused by its own policy.
    expect(page.requests.length).toBeGreaterThan(3)
    const foreign = page.requests.filter((url) => !url.startsWith(`http://127.0.0.1:${studio.port}/`))
    expect([foreign, page.messages]).toEqual([[], []])
    for (const url of page.requests) expect(url.split('#')[0]).not.toContain(studio.key)
  })

  it('says where the key is, if it has none or an old one', async () => {
    const studio = await openStudio(new MemoryStorage())
    const page = await newPage()
    for (const path of ['/', `/#${'0'.repeat(32)}`]) {
      await page.go(`http://127.0.0.1:${studio.port}${path}`)
      await page.until(`${text('problem')}.startsWith('Open the address that the terminal shows')`)
    }
    // The right one, pasted where the page is open already.
    await page.run(`location.hash = ${JSON.stringify(studio.key)}`)
    await page.until(`${text('count')} === 'Nothing is stored here.'`)
    expect(await page.run(isShown('problem'))).toBe(false)
  })

  it('serves two viewers at once, and says when one has ended', async () => {
    const [one, other] = [new MemoryStorage(), new MemoryStorage()]
    await one.save(sample('of one'))
    await other.save(sample('of the other'))
    const { studio, page } = await openPage(one)
    const second = await openStudio(other)
    // In the same browser: cookies have no port.
    const address = await page.run('location.href')
    await page.go(second.url)
    await page.until(`${OPTIONS}[0]?.title === 'of the other'`)
    await page.go(address)
    await page.until(`${OPTIONS}[0]?.title === 'of one'`)
    await studio.close()
    await page.until(`${text('problem')}.startsWith('The viewer has ended.')`)
    expect(await page.run(`${OPTIONS}[0].title`)).toBe('of one')
  })
})

describeInBrowser('a reader', () => {
  const people = ['ana', 'ben', 'bob', 'cleo']
  async function openPeople() {
    const storage = new MemoryStorage({ ttl: 3_600 })
    for (const id of [...people].reverse()) {
      await storage.save({
        ...sample(id),
        history: [
          { role: 'user', content: `I am ${id}` },
          { role: 'assistant', content: 'Hi' },
        ],
        slots: { name: id, _attempts: 2 },
      })
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    return { storage, ...(await openPage(storage)) }
  }
  const focused = `document.activeElement.id`

  it('needs no mouse', async () => {
    const { page } = await openPeople()
    expect(await page.run(`${OPTIONS}.map(({ title }) => title)`)).toEqual(people)
    await page.press('/')
    expect([await page.run(focused), await page.run(`document.getElementById('search').value`)]).toEqual(['search', ''])
    await page.type('b')
    await page.until(`${text('count')} === '2 conversations' && ${OPTIONS}.length === 2`)
    await page.press('ArrowDown')
    await page.until(`${text('id')} === 'ben' && ${text('history')}.includes('I am ben')`)
    expect(await page.run(focused)).toBe('ids')
    await page.press('End')
    await page.until(`${text('id')} === 'bob'`)
    await page.press('ArrowDown')
    await page.press('Home')
    await page.until(`${text('id')} === 'ben'`)
    const selected = `document.querySelector('[aria-selected=true]')`
    expect(
      await page.run(`${selected}.id === document.getElementById('ids').getAttribute('aria-activedescendant')`),
    ).toBe(true)
    expect(await page.run(`${selected}.title`)).toBe('ben')
    // Where the focus is can be seen, everywhere.
    await page.press('/')
    const seen: string[] = []
    for (let step = 0; step < 12; step++) {
      const [id, outline] = await page.run(
        `[document.activeElement.id || document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]`,
      )
      if (id !== 'BODY') expect([id, outline]).toEqual([id, 'solid'])
      seen.push(id)
      await page.press('Tab')
    }
    expect(seen).toEqual(expect.arrayContaining(['search', 'ids', 'SUMMARY']))
    expect(page.messages).toEqual([])
  })

  it('sees what is saved, and that it was deleted, without doing anything', async () => {
    const { storage, page } = await openPeople()
    await choose(page, 'cleo')
    const state = await storage.load('cleo')
    if (state === null) throw new Error('not stored')
    state.history.push({ role: 'user', content: 'a new one' })
    await storage.save({ ...state, currentStep: 'later', ended: true })
    await page.until(`${text('history')}.includes('a new one') && ${text('facts')}.includes('later')`)
    expect(await page.run(text('news'))).toBe('New messages: 1')
    await page.until(`${OPTIONS}[0].title === 'cleo'`)
    expect(await page.run(text('live'))).toMatch(/^Follows what is stored\. Saved .* ago\. Expires in .*\.$|Saved now/)
    await storage.delete('cleo')
    await page.until(`${text('live')}.startsWith('Nothing is stored under this id any more.')`)
    expect(await page.run(text('history'))).toContain('a new one')
    await page.until(`${OPTIONS}.length === 3`)
  })

  it('sees steps, slots, sizes and expiry, those of FlowKit itself dimmed', async () => {
    const { page } = await openPeople()
    await choose(page, 'ana')
    expect(
      await page.run(`[...document.querySelectorAll('#slots tr')].map((row) => [row.className, row.innerText])`),
    ).toEqual([
      ['', 'name\tstring\tana'],
      ['own', '_attempts\tnumber\t2'],
    ])
    const colour = (row: number) => `getComputedStyle(document.querySelectorAll('#slots tr')[${row}]).color`
    expect(await page.run(`${colour(0)} === ${colour(1)}`)).toBe(false)
    expect(await page.run(`document.querySelector('[role=option] small').textContent`)).toMatch(
      / bytes · .* · expires in /,
    )
    expect(await page.run(`JSON.parse(${text('raw')}).conversationId`)).toBe('ana')
    const all = await page.run(`document.getElementById('raw-link').href`)
    const stored = await page.run(text('raw'))
    await page.go(all)
    expect([await page.run('document.contentType'), await page.run('document.body.innerText')]).toEqual([
      'text/plain',
      stored,
    ])
  })

  it('has one thing at a time in a narrow window, and a way back', async () => {
    const { page } = await openPeople()
    await page.show({ width: 360, height: 640 })
    expect([await page.run(isShown('left')), await page.run(isShown('conversation'))]).toEqual([true, false])
    await choose(page, 'ben')
    expect([await page.run(isShown('left')), await page.run(isShown('conversation'))]).toEqual([false, true])
    await page.run(`document.getElementById('back').click()`)
    expect([await page.run(isShown('left')), await page.run(focused)]).toEqual([true, 'ids'])
    await choose(page, 'bob')
    await page.press('/')
    expect([await page.run(isShown('left')), await page.run(focused)]).toEqual([true, 'search'])
  })

  it.each<[string, { width?: number; height?: number; dark?: boolean }]>([
    ['in the light', { dark: false }],
    ['in the dark', { dark: true }],
    ['in a narrow window', { width: 360, height: 640 }],
  ])('finds no fault that axe knows, %s', async (_how, window) => {
    const { storage, page } = await openPeople()
    await plant(storage, 'broken', 'no JSON')
    await page.show(window)
    const axe = `${require('axe-core').source}; axe.run(document, { resultTypes: ['violations'] })
      .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target, failureSummary }) => target + failureSummary).join('; ')))`
    expect(await page.run(axe)).toEqual([])
    await choose(page, 'ana')
    await page.run(`document.getElementById('raw-box').open = true`)
    expect(await page.run(axe)).toEqual([])
    if (window.width === undefined) {
      await choose(page, 'broken')
      expect(await page.run(axe)).toEqual([])
    }
    const ground = await page.run(`getComputedStyle(document.body).backgroundColor`)
    expect(ground).toBe(window.dark ? 'rgb(21, 24, 28)' : 'rgb(255, 255, 255)')
  })
})
