// The viewer's page among strangers: what they have stored stays text, and their sites stay outside.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'

import { MemoryStorage } from '../index.js'
import { sample } from '../testing/samples.js'
import { choose, describeInBrowser, OPTIONS, openPage, plant, text } from './support/studio-page.js'

/** Names that lead to this machine. */
const SITES = ['evil.test', 'rebound.test']

describeInBrowser('text of strangers', () => {
  const ATTACKS = [
    '<script>pwned = 1</script>',
    '<img src=x onerror="pwned = 1">',
    '"><svg/onload=pwned=1>',
    '</script><script>pwned = 1</script>',
    '<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>',
    'javascript:pwned=1//',
    '<a href="javascript:pwned=1">x</a>',
    '<style>* { display: none }</style>',
    '<base href="http://evil.test/">',
    '<meta http-equiv="refresh" content="0;url=http://evil.test/">',
    '{{constructor.constructor("pwned = 1")()}}',
    '$& $1 $` __proto__',
    '&lt;b&gt;',
  ]
  const SHAPES = [
    '\u202egnp.exe',
    '\u2066\u2067\u2068 never closed',
    'مرحبا بالعالم 123',
    'שלום world',
    `e${'\u0301'.repeat(2_000)}`,
    'x'.repeat(10_000),
    '\ud800 alone \udc00',
    '👩‍👩‍👧‍👦🏳️‍🌈',
    'line\nbreak\ttab\u0000null\u001b[2Jescape\u2028\u2029',
    '',
  ]

  it('is shown as it is, and never becomes markup, a program or a link', async () => {
    const storage = new MemoryStorage()
    for (const [at, attack] of ATTACKS.entries()) {
      const state = {
        ...sample(attack),
        currentStep: attack,
        history: [...ATTACKS, ...SHAPES].map((content) => ({ role: attack as 'user', content })),
        slots: { [attack]: attack, [`_${attack}`]: { [attack]: [attack] }, __proto__: attack, [`${at}`]: null },
      }
      await storage.save(state)
      await plant(storage, `corrupt ${attack}`, attack)
    }
    const { studio, page } = await openPage(storage)
    const elements = await page.run(
      `document.querySelectorAll('script, style, iframe, img, svg, meta, base, a').length`,
    )
    for (const attack of ATTACKS) {
      await choose(page, attack)
      expect(
        await page.run(`[...document.querySelectorAll('#history li p')].map((p) => p.textContent.toWellFormed())`),
      ).toEqual([...ATTACKS, ...SHAPES.map((shape) => shape.toWellFormed())])
      expect(await page.run(`document.querySelector('#slots tr:nth-child(2) th').textContent`)).toContain(attack)
      await choose(page, `corrupt ${attack}`)
      expect(await page.run(text('raw'))).toBe(attack)
      expect(await page.run(text('corrupt'))).toBe('This is no conversation state: it is not JSON')
    }
    await page.run(`document.getElementById('raw-box').open = true`)
    expect(await page.run(`document.querySelectorAll('script, style, iframe, img, svg, meta, base, a').length`)).toBe(
      elements,
    )
    expect(await page.run('typeof pwned')).toBe('undefined')
    expect([page.dialogs, page.messages]).toEqual([[], []])
    expect(page.requests.filter((url) => !url.startsWith(`http://127.0.0.1:${studio.port}/`))).toEqual([])
    expect(await page.run('[...document.links].map((link) => new URL(link.href).origin)')).toEqual(
      Array.from({ length: 2 }, () => `http://127.0.0.1:${studio.port}`),
    )
  })

  it('could not become markup even by a mistake of the page', async () => {
    const { page } = await openPage(new MemoryStorage())
    await expect(page.run(`document.body.innerHTML = '<b>x</b>'`)).rejects.toThrow('TrustedHTML')
    await expect(page.run(`document.body.setAttribute('onclick', 'pwned = 1')`)).rejects.toThrow('TrustedScript')
    await page.run(`document.head.append(Object.assign(document.createElement('img'), { src: 'http://evil.test/' }))`)
    await expect(page.run(`fetch('http://evil.test/')`)).rejects.toThrow('Failed to fetch')
    expect(page.messages.join('\n')).toMatch(/Content Security Policy/)
  })

  it('leaves the page its shape: long words, stacked marks and the other direction stay in their places', async () => {
    const storage = new MemoryStorage()
    for (const shape of SHAPES.filter((shape) => shape.isWellFormed() && shape !== '')) {
      const id = shape.slice(0, 200)
      const history = [...SHAPES, ...SHAPES].map((content) => ({ role: 'user' as const, content }))
      await storage.save({ ...sample(id), currentStep: shape, history, slots: { [shape]: shape } })
    }
    const { page } = await openPage(storage)
    for (const width of [1_200, 320]) {
      await page.show({ width, height: 600 })
      const titles: string[] = await page.run(`${OPTIONS}.map((option) => option.title)`)
      expect(titles).toContain('\\u202egnp.exe')
      for (const title of titles) {
        await choose(page, title)
        const wide = `[...document.querySelectorAll('html, main, #left, article, #open, #history, #history li, h2, #facts')]
          .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== 'clip')
          .map((element) => element.tagName + element.id)`
        expect([title, await page.run(wide)]).toEqual([title, []])
      }
    }
  })

  it('may be 100,000 messages, or one of 50 MB: the page shows the end of it and says so', async () => {
    const storage = new MemoryStorage({ snapshots: 0 })
    const history = Array.from({ length: 100_000 }, (_, at) => ({ role: 'user' as const, content: `message ${at}` }))
    await storage.save({ ...sample('many'), history })
    await storage.save({ ...sample('large'), history: [{ role: 'user', content: 'word '.repeat(10_000_000) }] })
    const { page } = await openPage(storage)
    await choose(page, 'many')
    const items = `document.querySelectorAll('#history li').length`
    expect([await page.run(items), await page.run(text('history-title'))]).toEqual([100, 'History (100,000)'])
    await page.run(`document.getElementById('earlier').click()`)
    await page.until(`${items} === 500`)
    expect(await page.run(text('earlier'))).toBe('Show earlier messages (99,500)')
    expect(await page.run(`document.querySelector('#history li p').textContent`)).toBe('message 99500')
    for (let shown = 900; shown <= 2_100; shown += 400) {
      await page.run(`document.getElementById('earlier').click()`)
      await page.until(`${items} === ${Math.min(shown, 2_000)}`)
    }
    expect(await page.run(text('earlier'))).toBe('98,000 earlier messages are in the stored text')
    await choose(page, 'large')
    expect(await page.run(`document.querySelector('#history li small:last-child').textContent`)).toBe(
      '… 49,980,000 more characters are in the stored text.',
    )
    expect(await page.run(text('raw-note'))).toBe('The first 100,000 characters of 50.0 MB.')
  })
})

describeInBrowser(
  'another site',
  () => {
    /** Starts a site that tries to read `address` in every way that a browser has. It keeps what it is told, and by whom. */
    async function startSite(target: () => string) {
      const seen: { url: string; cookie: string | undefined }[] = []
      const server = createServer((request, response) => {
        seen.push({ url: request.url ?? '', cookie: request.headers.cookie })
        response.setHeader('Content-Type', 'text/html')
        response.end(`<!doctype html><meta name="referrer" content="unsafe-url"><body><script>
        const address = ${JSON.stringify(target())}
        window.got = {}
        const note = (way, outcome) => { got[way] = String(outcome) }
        const read = (way, options) => fetch(address + 'list', options).then((reply) => reply.text()).then((body) => note(way, body || 'opaque'), () => note(way, 'refused'))
        const embed = (name, attribute) => {
          const element = document.createElement(name)
          element.onload = () => note(name, 'loaded')
          element.onerror = () => note(name, 'refused')
          element[attribute] = address + 'list'
          if (name === 'link') element.rel = 'stylesheet'
          document.body.append(element)
        }
        read('cors', { credentials: 'include' })
        read('no-cors', { mode: 'no-cors', credentials: 'include' })
        read('header', { credentials: 'include', headers: { Authorization: 'Bearer x' } })
        read('post', { method: 'POST', mode: 'no-cors', credentials: 'include' })
        embed('script', 'src'), embed('img', 'src'), embed('link', 'href')
        const frame = document.createElement('iframe')
        frame.onload = () => { let inside; try { inside = frame.contentDocument?.body.textContent } catch { }; note('iframe', inside || 'closed') }
        frame.src = address
        document.body.append(frame)
        const socket = new WebSocket(address.replace('http', 'ws') + 'list')
        socket.onerror = () => note('socket', 'refused'); socket.onopen = () => note('socket', 'open')
      </script>`)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      return { port: (server.address() as AddressInfo).port, seen }
    }

    it('reads nothing, though the browser has the cookie and the site knows the path', async () => {
      const storage = new MemoryStorage()
      await storage.save(sample('ana'))
      const { page } = await openPage(storage)
      const address = await page.run('location.href')
      const site = await startSite(() => address)
      // `127.0.0.1` with another port is the same site for a cookie, and another origin.
      for (const host of ['evil.test', '127.0.0.1', 'localhost']) {
        await page.go(`http://${host}:${site.port}/`)
        await page.until(`Object.keys(got).length === 9`)
        const got = await page.run('got')
        for (const [way, outcome] of Object.entries(got)) {
          expect([way, outcome]).toEqual([way, way === 'iframe' ? 'closed' : 'refused'])
        }
      }
      // Nor does it get the cookie, which browsers send to each port.
      expect(site.seen.length).toBeGreaterThanOrEqual(3)
      expect(site.seen.filter(({ cookie }) => cookie !== undefined)).toEqual([])
      await page.go(address)
      await page.until(`${OPTIONS}[0]?.title === 'ana'`)
    })

    it('is refused where its name was rebound to this machine', async () => {
      const storage = new MemoryStorage()
      await storage.save(sample('ana'))
      const { studio, page } = await openPage(storage)
      const path = await page.run('location.pathname')
      for (const rest of [path, `${path}list`, `/#${studio.key}`]) {
        await page.go(`http://rebound.test:${studio.port}${rest}`)
        expect(await page.run('document.body.textContent')).toBe('The viewer is at 127.0.0.1 only.')
      }
    })
  },
  SITES,
)
