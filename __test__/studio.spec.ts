// Who may read through the viewer. Any program of this machine can connect to it, and any page that is open in a browser.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'

import { MemoryStorage } from '../index.js'
import { sample } from '../testing/samples.js'
import { openStudio, type Studio } from './support/studio.js'

const { readPage } = createRequire(import.meta.url)('../cli/studio/page.js')

const SECRET = 'a word that only the conversation has'

async function open(): Promise<Studio> {
  const storage = new MemoryStorage()
  await storage.save({ ...sample('ana'), slots: { secret: SECRET } })
  const studio = await openStudio(storage)
  await studio.enter()
  return studio
}

/** What holds conversations: each of them has to be refused to strangers. */
const PATHS = ['list', 'conversation?id=ana', 'text?id=ana']
const readAll = (studio: Studio, headers: Record<string, string | string[]>, method?: string) =>
  Promise.all(PATHS.map((path) => studio.get(studio.base + path, { Cookie: studio.cookie, ...headers }, method)))

describe('the viewer', () => {
  it('shows the conversations to whoever has the key', async () => {
    const studio = await open()
    const replies = await readAll(studio, {})
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(replies[0]?.json.found[0].id).toBe('ana')
    expect(replies[1]?.body).toContain(SECRET)
    expect(replies[2]?.body).toContain(SECRET)
  })

  it('listens on 127.0.0.1 alone, on a port that is free', async () => {
    const [one, other] = [await open(), await open()]
    expect(one.port).not.toBe(other.port)
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ address, scopeid }) => address !== '127.0.0.1' && !scopeid)
      .map(({ address }) => address)
    for (const host of [...others, '127.0.0.2']) {
      const outcome = await new Promise((resolve) => {
        const socket = connect({ host, port: one.port }, () => {
          socket.destroy()
          resolve('connected')
        })
        socket.on('error', () => resolve('refused'))
      })
      expect(`${host}: ${outcome}`).toBe(`${host}: refused`)
    }
  })

  it('has a key, a path and a cookie of 128 random bits each, new each time', async () => {
    const studios = [await open(), await open()]
    const secrets = studios.flatMap(({ key, base, cookie }) => [key, base.slice(1, -1), cookie.split('=')[1] ?? ''])
    expect(new Set(secrets).size).toBe(6)
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{32}$/)
    expect(studios[0]?.url).toBe(`http://127.0.0.1:${studios[0]?.port}/#${studios[0]?.key}`)
  })

  it('compares them in a time that tells nothing', () => {
    const source = readFileSync(new URL('../cli/studio/guard.js', import.meta.url), 'utf8')
    // A difference of nanoseconds cannot be shown here. What compares must not stop at the first difference.
    expect(source).toMatch(/return timingSafeEqual\(digest\(given \?\? ''\), digest\(expected\)\)/)
    expect(source).not.toMatch(/(===|!==|==|startsWith\(|includes\() *this\.(key|#session)|this\.(key|#session) *[!=]=/)
  })

  it('gives a cookie that no script reads, no other site sends, and no other port gets', async () => {
    const studio = await open()
    const { headers } = await studio.enter()
    expect(headers['set-cookie']).toEqual([`${studio.cookie}; Path=${studio.base}; HttpOnly; SameSite=Strict`])
  })

  const HEADERS = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': 'DENY',
  }

  it('sends the headers that guard a reply with each of them, and none that opens it to other sites', async () => {
    const studio = await open()
    const replies = [
      await studio.get('/'),
      await studio.get('/nothing'),
      await studio.get('/', { Host: 'evil.test' }),
      await studio.get('/', {}, 'POST'),
      await studio.enter(),
      ...(await readAll(studio, {})),
      await studio.ask('conversation', { id: '' }),
    ]
    expect(replies.map(({ status }) => status)).toEqual([200, 404, 403, 405, 200, 200, 200, 200, 400])
    for (const { headers } of replies) {
      expect(headers).toMatchObject(HEADERS)
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'/)
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })

  it('allows its own programs and style by their hashes, and nothing else', async () => {
    const { html, policy } = readPage()
    expect(policy.replace(/'sha256-[\w+/]{43}='/g, 'HASH')).toBe(
      "default-src 'none'; style-src HASH; script-src HASH; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    )
    // Nothing is loaded, neither from outside nor from here.
    expect(html).not.toMatch(/\b(src|srcset|poster|data)\s*=|https?:|@import|url\(/)
    expect(html).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/)
  })
})

describe('refused is', () => {
  const expectRefused = async (studio: Studio, status: number, headers: object, method?: string) => {
    for (const reply of await readAll(studio, headers as Record<string, string>, method)) {
      expect(reply.status).toBe(status)
      expect(reply.body).not.toContain(SECRET)
      expect(reply.body).not.toContain('ana')
    }
  }

  it('a name that was rebound to this machine, and any other Host', async () => {
    const studio = await open()
    const { port } = studio
    const hosts = ['evil.test', `evil.test:${port}`, '127.0.0.1', '127.0.0.1:1', `127.0.0.1.evil.test:${port}`]
    for (const host of [...hosts, `[::1]:${port}`, `0.0.0.0:${port}`, `localhost.:${port}`, `LOCALHOST:${port}`]) {
      await expectRefused(studio, 403, { Host: host })
      // Not even the page: a site that was rebound could ask its reader for the key there.
      expect((await studio.get('/', { Host: host })).status).toBe(403)
    }
    const [reply] = await readAll(studio, { Host: `localhost:${port}` })
    expect(reply?.status).toBe(200)
  })

  it('a request with two Hosts, or none', async () => {
    const studio = await open()
    const send = (lines: string[]) =>
      new Promise<string>((resolve) => {
        const head = [`GET ${studio.base}list HTTP/1.1`, `Cookie: ${studio.cookie}`, 'Connection: close', ...lines]
        const socket = connect(studio.port, '127.0.0.1', () => socket.write(`${head.join('\r\n')}\r\n\r\n`))
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('close', () => resolve(text))
      })
    const right = `Host: 127.0.0.1:${studio.port}`
    expect(await send([right])).toMatch(/^HTTP\/1.1 200 [\s\S]*"ana"/)
    for (const lines of [[right, 'Host: evil.test'], ['Host: evil.test', right], [right, right], ['Host:'], []]) {
      expect(await send(lines)).toMatch(/^HTTP\/1.1 40[03] (?![\s\S]*"ana")/)
    }
  })

  it('another origin, also that of another port', async () => {
    const studio = await open()
    const origins = ['http://evil.test', 'null', 'https://127.0.0.1', `https://127.0.0.1:${studio.port}`, '']
    const ports = ['http://127.0.0.1', 'http://127.0.0.1:3000', 'http://localhost', `http://localhost:${studio.port}`]
    for (const origin of [...origins, ...ports]) await expectRefused(studio, 403, { Origin: origin })
    const [reply] = await readAll(studio, { Origin: `http://127.0.0.1:${studio.port}` })
    expect(reply?.status).toBe(200)
  })

  it('what a browser says to be for another site, or for another port of this machine', async () => {
    const studio = await open()
    for (const site of ['cross-site', 'same-site']) await expectRefused(studio, 403, { 'Sec-Fetch-Site': site })
    const framed = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }
    await expectRefused(studio, 403, framed)
    // Whoever follows a link, as in a terminal that is a web page, sees the page. It holds nothing.
    const followed = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
    expect((await studio.get('/', followed)).status).toBe(200)
  })

  it('each method but GET', async () => {
    const studio = await open()
    const methods = ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY']
    for (const method of methods) await expectRefused(studio, 405, {}, method)
  })

  it('an upgrade and a tunnel', async () => {
    const studio = await open()
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }
    const [reply] = await readAll(studio, upgrade)
    expect(reply?.status).not.toBe(101)
    await expect(studio.get('127.0.0.1:22', {}, 'CONNECT')).rejects.toThrow()
  })

  it('whoever has no cookie, another one, or that of a viewer that has ended', async () => {
    const [studio, former] = [await open(), await open()]
    const name = studio.cookie.split('=')[0]
    const wrong = [
      '',
      name,
      `${name}=`,
      `${name}=${studio.key}`,
      `x${studio.cookie}`,
      `${studio.cookie}0`,
      former.cookie,
    ]
    for (const cookie of wrong) await expectRefused(studio, 401, { Cookie: cookie ?? '' })
    await expectRefused(studio, 401, { Cookie: '', Authorization: `Bearer ${studio.key}` })
    // Beside those of other servers of this machine, which have no port either.
    const [reply] = await readAll(studio, { Cookie: `a=b; ${name}=wrong; ${studio.cookie}; c` })
    expect(reply?.status).toBe(200)
  })

  it('a wrong key, and the right one in the wrong place', async () => {
    const studio = await open()
    const { key } = studio
    const wrong = ['', 'Bearer', 'Bearer ', `Bearer ${key}0`, `Bearer ${key.slice(1)}`, `Basic ${key}`, key]
    const almost = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`
    for (const given of [...wrong, `Bearer ${almost}`, `Bearer ${key.toUpperCase()}x`]) {
      const reply = await studio.get('/session', { Authorization: given })
      expect([reply.status, reply.headers['set-cookie']]).toEqual([401, undefined])
    }
    expect((await studio.get(`/session?key=${key}`)).status).toBe(401)
    // A foreign page that has the key, as from a screen that was shared, gets no cookie for its own reader.
    const foreign = { Authorization: `Bearer ${key}`, Origin: 'http://evil.test' }
    expect((await studio.get('/session', foreign)).status).toBe(403)
  })

  it('a path that leads elsewhere', async () => {
    const studio = await open()
    const { base } = studio
    const up = ['../list', '..%2flist', '.', './list', 'list/', 'list/../list', '%6cist', 'LIST', 'list%00', '\\list']
    const files = ['../../../../etc/passwd', '..%2f..%2fetc/passwd', 'page/main.js', 'index.html', '__proto__']
    for (const path of [...up, ...files]) {
      const reply = await studio.get(base + path, { Cookie: studio.cookie })
      expect(`${path}: ${reply.status}`).toBe(`${path}: 404`)
    }
    for (const path of ['//evil.test/', '/favicon.ico', '/..', '/%2e%2e/', '*', `http://127.0.0.1${base}list`]) {
      expect((await studio.get(path, { Cookie: studio.cookie })).status).toBe(404)
    }
    // A path of the page that is not known says nothing of the one that is.
    expect((await studio.get('/0123456789abcdef0123456789abcdef/')).status).toBe(404)
  })

  it('a request that is too large, or too slow to come to an end', async () => {
    const studio = await open()
    expect((await studio.get(`${studio.base}list?prefix=${'a'.repeat(20_000)}`)).status).toBe(431)
    const sockets = Array.from({ length: 200 }, () => connect(studio.port, '127.0.0.1').on('error', () => {}))
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
    // More connections than a browser opens are closed at once. The others do not keep it from ending.
    await Promise.race(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
    await studio.close()
    await expect(studio.get('/')).rejects.toThrow('ECONNREFUSED')
  })
})
