// Drives a headless Chromium over its pipe, without a package: one browser, and a fresh profile for each page.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Returns the command of a Chromium or Chrome; `undefined` if there is none. */
export function findChromium() {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome']
  const runs = (name) => name !== undefined && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0
  return names.find(runs)
}

/** Starts a browser. Names in `hosts` lead to this machine, as after a rebinding of DNS. */
export async function startChromium({ command = findChromium(), hosts = [] } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'flowkit-chromium-'))
  const args = [
    '--headless',
    '--remote-debugging-pipe',
    `--user-data-dir=${profile}`,
    '--no-first-run',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--hide-scrollbars',
    '--force-color-profile=srgb',
    '--lang=en-GB',
    `--host-resolver-rules=${hosts.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`,
    // Its own sandbox needs rights that root in a container does not have.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ]
  const env = { ...process.env, LANG: 'en_GB.UTF-8', TZ: 'UTC' }
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const connection = new Connection(child.stdio[3], child.stdio[4])
  return {
    /** Opens an empty page with cookies of its own. */
    newPage: () => Page.open(connection),
    async close() {
      await connection.send('Browser.close').catch(() => {})
      await ended
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** Messages of the DevTools protocol, each of which ends with a NUL. */
class Connection {
  #write
  #last = 0
  #waiting = new Map()
  #listeners = new Map()

  constructor(write, read) {
    this.#write = write
    let rest = ''
    read.setEncoding('utf8').on('data', (chunk) => {
      const messages = (rest + chunk).split('\0')
      rest = messages.pop()
      for (const message of messages) this.#receive(JSON.parse(message))
    })
    const end = () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the browser has ended'))
      this.#waiting.clear()
    }
    read.on('close', end)
    write.on('error', end)
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#write.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })
  }

  listen(sessionId, listener) {
    this.#listeners.set(sessionId, listener)
  }

  #receive({ id, result, error, method, params, sessionId }) {
    if (id === undefined) return this.#listeners.get(sessionId)?.(method, params)
    const { resolve, reject } = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) reject(new Error(error.message))
    else resolve(result)
  }
}

class Page {
  /** What the page logged, or the browser about it: also what a policy refused. */
  messages = []
  /** What asked to be confirmed. */
  dialogs = []
  /** The addresses of all that it asked for. */
  requests = []
  #connection
  #session
  #target

  static async open(connection) {
    const { browserContextId } = await connection.send('Target.createBrowserContext')
    const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank', browserContextId })
    const { sessionId } = await connection.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page(connection, sessionId, { targetId, browserContextId })
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`)
    return page
  }

  constructor(connection, session, target) {
    this.#connection = connection
    this.#session = session
    this.#target = target
    connection.listen(session, (method, params) => this.#note(method, params))
  }

  send(method, params) {
    return this.#connection.send(method, params, this.#session)
  }

  async go(url) {
    const { errorText } = await this.send('Page.navigate', { url })
    if (errorText !== undefined && errorText !== 'net::ERR_HTTP_RESPONSE_CODE_FAILURE') throw new Error(errorText)
    await this.until(`document.readyState === 'complete' && location.href !== 'about:blank'`)
  }

  /** Returns what an expression of the page comes to. */
  async run(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', options)
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  /** Waits until an expression of the page is true. */
  async until(expression, wait = 20_000) {
    const end = Date.now() + wait
    for (;;) {
      // A page that is being replaced has nothing to ask.
      const value = await this.run(expression).catch((error) => String(error))
      if (value === true) return
      if (Date.now() > end) throw new Error(`never true: ${expression} (${value})\n${this.messages.join('\n')}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Presses a key, such as `ArrowDown` or `/`. */
  async press(key) {
    const text = key.length === 1 ? { text: key } : {}
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, ...text, ...keyCodes(key) })
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, ...keyCodes(key) })
  }

  async type(text) {
    await this.send('Input.insertText', { text })
  }

  /** Sets the size of the window, and whether the reader prefers dark. */
  async show({ width = 1200, height = 800, dark = false } = {}) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]
    await this.send('Emulation.setEmulatedMedia', { features })
  }

  async screenshot() {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(data, 'base64')
  }

  async close() {
    await this.#connection.send('Target.disposeBrowserContext', { browserContextId: this.#target.browserContextId })
  }

  #note(method, params) {
    if (method === 'Runtime.consoleAPICalled') {
      this.messages.push(params.args.map(({ value, description }) => value ?? description).join(' '))
    } else if (method === 'Runtime.exceptionThrown') {
      this.messages.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text)
    } else if (method === 'Log.entryAdded') this.messages.push(params.entry.text)
    else if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url)
    else if (method === 'Page.javascriptDialogOpening') {
      this.dialogs.push(params.message)
      void this.send('Page.handleJavaScriptDialog', { accept: false }).catch(() => {})
    }
  }
}

/** The codes without which the browser takes no default action, such as scrolling. */
function keyCodes(key) {
  const codes = { Tab: 9, Enter: 13, Escape: 27, End: 35, Home: 36, ArrowUp: 38, ArrowDown: 40 }
  return key in codes ? { windowsVirtualKeyCode: codes[key], code: key } : {}
}
