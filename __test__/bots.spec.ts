// The programs of docs/locks.md in real frameworks: two processes' worth of storages on one directory.

import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { FlowEngine } from '../examples/engine.mjs'
import { FileStorage, type Slots } from '../index.js'
import { temporaryDirectory } from './support/subjects.js'

// Without their types: one has none, and those of the other need those of a browser.
const require = createRequire(import.meta.url)
const express = require('express')
const { Bot } = require('grammy')

const PAGE = readFileSync(new URL('../docs/locks.md', import.meta.url), 'utf8')

/** Runs the program of the page that begins with `start`. It finds these names, and may wait less long. */
function runSnippet(start: string, names: object, wait = '20_000'): void {
  const [snippet = ''] = PAGE.split('```js\n').filter((text) => text.startsWith(start))
  const [code = ''] = snippet.split('```')
  expect(code).not.toBe('')
  new Function(...Object.keys(names), code.replace('20_000', wait))(...Object.values(names))
}

const NOTES = {
  start: 'listen',
  steps: {
    listen: {
      ask: ({ notes = [] }: Slots) => `noted ${(notes as string[]).length}`,
      answer(text: string, slots: Slots): undefined {
        slots.notes = [...((slots.notes ?? []) as string[]), text]
      },
    },
  },
}

/** A model that takes its time, and as long as the test wants for a message that says so. */
const slow = new EventEmitter()
const llm = {
  async complete(text: string) {
    if (text !== 'slow') return sleep(2, text)
    const end = once(slow, 'end')
    slow.emit('begin')
    await end
    return text
  },
}

/** A storage on a directory, as each process has one, and an engine on it. */
function openOn(dir: string) {
  const storage = new FileStorage({ dir, durable: false })
  onTestFinished(() => storage.close())
  return { storage, engine: new FlowEngine(NOTES, { llm, storage }) }
}

const MESSAGES = Array.from({ length: 20 }, (_, index) => `m${index}`)

async function startExpress(dir: string, wait?: string) {
  const { storage, engine } = openOn(dir)
  const app = express()
  app.use(express.json())
  runSnippet('app.post', { app, storage, engine }, wait)
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const post = async (text: string) => {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const body = JSON.stringify({ from: 'ana', text })
    const response = await fetch(`http://127.0.0.1:${port}/webhook`, { method: 'POST', headers, body })
    return { status: response.status, ...((await response.json()) as { message?: string }) }
  }
  return { storage, engine, post }
}

it('Express keeps 20 messages that come at once to two servers', async () => {
  const dir = await temporaryDirectory()
  const servers = [await startExpress(dir), await startExpress(dir)] as const
  const { engine } = servers[0]
  await engine.start('web:ana')
  const replies = await Promise.all(MESSAGES.map((text, index) => servers[(index % 2) as 0 | 1].post(text)))
  const { notes } = (await engine.getSlots('web:ana')) as { notes: string[] }
  expect([...notes].sort()).toEqual([...MESSAGES].sort())
  // Each has the reply to its own turn.
  expect(replies).toEqual(MESSAGES.map((text) => ({ status: 200, message: `noted ${notes.indexOf(text) + 1}` })))
})

it('Express tells who may try again', async () => {
  const { storage, engine, post } = await startExpress(await temporaryDirectory(), '100')
  await engine.start('web:ana')
  const begun = once(slow, 'begin')
  const first = post('slow')
  await begun
  expect(await post('too soon')).toEqual({ status: 429, retry: true })
  // Somebody who knows of no lock.
  await storage.delete('web:ana')
  slow.emit('end')
  expect(await first).toEqual({ status: 409, retry: true })
  expect(await storage.load('web:ana')).toBeNull()
})

it('grammY keeps 20 messages that come at once to two bots, and replies in order', async () => {
  const dir = await temporaryDirectory()
  const replies: string[] = []
  const bots = [openOn(dir), openOn(dir)].map(({ storage, engine }) => {
    const botInfo = { id: 1, is_bot: true, first_name: 'Bot', username: 'bot' }
    const bot = new Bot('1:token', { botInfo })
    // In place of the network.
    bot.api.config.use(async (_previous: unknown, method: string, payload: { text: string }) => {
      expect(method).toBe('sendMessage')
      replies.push(payload.text)
      return { ok: true, result: {} }
    })
    runSnippet('bot.on', { bot, storage, engine })
    return { bot, engine }
  })
  const { engine } = bots[0] as (typeof bots)[0]
  await engine.start('telegram:7')
  const person = { id: 7, first_name: 'Ana' }
  await Promise.all(
    MESSAGES.map((text, index) => {
      const chat = { ...person, type: 'private' as const }
      const message = { message_id: index, date: 1, chat, from: { ...person, is_bot: false }, text }
      return bots[index % 2]?.bot.handleUpdate({ update_id: index, message })
    }),
  )
  const { notes } = (await engine.getSlots('telegram:7')) as { notes: string[] }
  expect([...notes].sort()).toEqual([...MESSAGES].sort())
  expect(replies).toEqual(MESSAGES.map((_, index) => `noted ${index + 1}`))
})
