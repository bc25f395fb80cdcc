// What is published by `node:diagnostics_channel`, also to the real SDK of OpenTelemetry.
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'

import { type ConversationState, FileStorage, MemoryStorage, SQLiteStorage } from '../index.js'
import samples from '../testing/samples.js'
import { loadBetterSqlite } from './support/open.mjs'
import { temporaryDirectory } from './support/subjects.js'

const { MemoryHandle, StorageHandle } = createRequire(import.meta.url)(
  '../lib/binding.js',
) as typeof import('../binding.js')

const { sample } = samples
const OPERATIONS = tracingChannel<Context, Context>('flowkit-storage:operation')
const SECRET = 'a secret of the state'

// biome-ignore lint/suspicious/noExplicitAny: whatever is published
type Context = any

/** Everything published by the tracing channel, as it was at that moment. */
function followOperations() {
  const events: [event: string, context: Context][] = []
  const note = (event: string) => (context: Context) => void events.push([event, { ...context }])
  const subscribers = {
    start: note('start'),
    end: () => {},
    asyncStart: () => {},
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  OPERATIONS.subscribe(subscribers)
  onTestFinished(() => void OPERATIONS.unsubscribe(subscribers))
  return events
}

function follow(name: string) {
  const messages: Context[] = []
  const note = (message: Context) => void messages.push(message)
  channel(name).subscribe(note)
  onTestFinished(() => void channel(name).unsubscribe(note))
  return messages
}

const secret = (id: string) => sample(id, { slots: { text: SECRET } })
const size = Buffer.byteLength(JSON.stringify(secret('a')))

describe('operations', () => {
  it.each([
    ['memory', () => new MemoryStorage(), {}],
    ['file', (dir: string) => new FileStorage({ dir }), {}],
    ['sqlite', (dir: string) => new SQLiteStorage({ path: join(dir, 'a.db'), table: 't' }), { collection: 't' }],
  ])('on %s are published from beginning to end, without a state', async (adapter, open, origin) => {
    const storage = open(await temporaryDirectory())
    const events = followOperations()
    await storage.save(secret('a'))
    expect(await storage.load('a')).toEqual(secret('a'))
    expect(await storage.load('b')).toBe(null)
    expect(await storage.has('a')).toBe(true)
    await storage.delete('a')
    await expect(storage.load('')).rejects.toThrow()
    const common = { adapter, mode: 'native', ...origin }
    const a = { ...common, conversationId: 'a' }
    expect(events.map(([event, { result, error, ...rest }]) => [event, result, error?.code, rest])).toEqual(
      [
        ['start', { ...a, operation: 'save', size }],
        ['asyncEnd', { ...a, operation: 'save', size }],
        ['start', { ...a, operation: 'load' }],
        ['asyncEnd', { ...a, operation: 'load', found: true, size }],
        ['start', { ...a, operation: 'load', conversationId: 'b' }],
        ['asyncEnd', { ...a, operation: 'load', conversationId: 'b', found: false }],
        ['start', { ...a, operation: 'has' }],
        ['asyncEnd', { ...a, operation: 'has', found: true }],
        ['start', { ...a, operation: 'delete' }],
        ['asyncEnd', { ...a, operation: 'delete' }],
        ['start', { ...common, operation: 'load' }],
        ['error', { ...common, operation: 'load' }, 'ERR_STORAGE_INVALID_ID'],
        ['asyncEnd', { ...common, operation: 'load' }, 'ERR_STORAGE_INVALID_ID'],
      ].map(([event, rest, code]) => [
        event,
        undefined,
        code,
        // The id and the size are known only once the arguments are checked.
        event === 'start' ? { ...common, operation: (rest as Context).operation } : rest,
      ]),
    )
    expect(JSON.stringify(events)).not.toContain(SECRET)
    await storage.close()
  })

  it.each([
    ['memory', () => new MemoryStorage()],
    ['file', (dir: string) => new FileStorage({ dir })],
  ])('on %s tell the size of the whole text, also where entries are left out', async (_adapter, open) => {
    const storage = open(await temporaryDirectory())
    const history: ConversationState['history'] = []
    const add = (content: string) => void history.push({ role: 'user', content })
    for (let n = 0; n < 30; n++) add(`${n} mañana 💬 ${'x'.repeat(60)}`)
    const saves = vi.spyOn(
      storage instanceof MemoryStorage ? MemoryHandle.prototype : StorageHandle.prototype,
      'saveShort',
    )
    onTestFinished(() => saves.mockRestore())
    const events = followOperations()
    const sizes: number[] = []
    // None is remembered; all are; the last one is new; the first one is cut off; a save without a history.
    const edits = [() => {}, () => {}, () => add('new'), () => history.shift(), () => history.splice(0)]
    for (const edit of [() => {}, ...edits]) {
      edit()
      const state = sample('a', { history })
      await storage.save(state)
      expect(await storage.load('a')).toEqual(state)
      sizes.push(Buffer.byteLength(JSON.stringify(state)))
    }
    const sizesOf = (operation: string) =>
      events
        .filter(([event, context]) => event === 'asyncEnd' && context.operation === operation)
        .map(([, { size }]) => size)
    expect(sizesOf('save')).toEqual(sizes)
    expect(sizesOf('load')).toEqual(sizes)
    expect(events.filter(([event, { found }]) => event === 'asyncEnd' && found === true)).toHaveLength(sizes.length)
    expect(saves.mock.calls.length).toBeGreaterThan(3)
    await storage.close()
  })

  it('of a list are its pages', async () => {
    const storage = new MemoryStorage()
    for (let n = 0; n < 600; n++) await storage.save(sample(`c${n}`))
    const events = followOperations()
    for await (const _one of storage.list()) {
      // All of them.
    }
    await storage.count()
    await storage.clear({ all: true })
    expect(new Set(events.map(([, { operation }]) => operation))).toEqual(new Set(['list', 'count', 'clear']))
    expect(events.filter(([event, { operation }]) => event === 'start' && operation === 'list')).toHaveLength(2)
  })

  it('keep the stack of their errors', async () => {
    followOperations()
    const storage = new MemoryStorage()
    const error = await storage.load('').catch((error) => error)
    expect(error.stack).toContain('tracing.spec')
  })
})

describe('locks', () => {
  it('tell how long they were waited for and held, and how they ended', async () => {
    const storage = new MemoryStorage()
    const messages = follow('flowkit-storage:lock')
    const first = storage.withLock('a', () => new Promise((resolve) => setTimeout(resolve, 50)))
    const second = storage.withLock('a', () => {
      throw new RangeError('no')
    })
    const third = storage.withLock('a', () => {}, { wait: 10 })
    const { signal } = AbortSignal.any === undefined ? new AbortController() : { signal: AbortSignal.timeout(5) }
    const fourth = storage.withLock('a', () => {}, { signal })
    await Promise.allSettled([first, second, third, fourth])
    const outcomes = messages.map(({ outcome }) => outcome).sort()
    expect(outcomes).toEqual(['aborted', 'done', 'failed', 'timeout'])
    const done = messages.find(({ outcome }) => outcome === 'done')
    expect(done).toMatchObject({ adapter: 'memory', conversationId: 'a', waiters: 0 })
    expect(done.held).toBeGreaterThanOrEqual(49)
    expect(messages.find(({ outcome }) => outcome === 'failed').waited).toBeGreaterThanOrEqual(49)
    await storage.update('a', () => sample('a'))
    expect(messages).toHaveLength(5)
  })

  it('tell of a plain write beside them', async () => {
    const storage = new MemoryStorage()
    const messages = follow('flowkit-storage:unlocked-write')
    await storage.save(sample('a'))
    let outside: Promise<void> | undefined
    const callback = storage.withLock.bind(storage, 'a', async () => {
      await storage.save(sample('a'))
      await new Promise((resolve) => setTimeout(resolve, 10))
    })
    const locked = callback()
    setImmediate(() => {
      outside = storage.save(sample('a'))
    })
    await locked.catch(() => {})
    await outside
    expect(messages).toEqual([{ adapter: 'memory', conversationId: 'a', operation: 'save' }])
  })
})

it('a change of the way is told, with the reason', async () => {
  const db = new (loadBetterSqlite())(join(await temporaryDirectory(), 'a.db'))
  const storage = new SQLiteStorage({ db })
  const messages = follow('flowkit-storage:mode')
  await storage.save(sample('a'))
  db.exec('BEGIN')
  await storage.save(sample('a'))
  db.exec('COMMIT')
  await storage.save(sample('a'))
  expect(messages.map(({ adapter, mode }) => [adapter, mode])).toEqual([
    ['sqlite', 'native'],
    ['sqlite', 'inline'],
    ['sqlite', 'native'],
  ])
  expect(messages[1].reason).toMatch(/transaction/)
  await storage.close()
  db.close()
})

describe('OpenTelemetry', () => {
  afterEach(() => {
    api.trace.disable()
    api.metrics.disable()
    api.context.disable()
  })

  it('gets spans and durations by the program of the page', async () => {
    const spans = new InMemorySpanExporter()
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
    api.trace.setGlobalTracerProvider(provider)
    const exporter = new InMemoryMetricExporter(0)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
    const page = readFileSync(new URL('../docs/observability.md', import.meta.url), 'utf8')
    const code = /\/\/ telemetry\.mjs\n([\s\S]*?)```/.exec(page)?.[1]?.replace(/^import .*$/gm, '')
    expect(code?.trim().split('\n').length).toBeLessThan(45)
    const subscribe = (subscribers: Context) => {
      OPERATIONS.subscribe(subscribers)
      onTestFinished(() => void OPERATIONS.unsubscribe(subscribers))
    }
    const { metrics, SpanKind, SpanStatusCode, trace } = api
    const names = { metrics, SpanKind, SpanStatusCode, trace, tracingChannel: () => ({ subscribe }) }
    new Function(...Object.keys(names), code ?? '')(...Object.values(names))
    const storage = new SQLiteStorage({ path: join(await temporaryDirectory(), 'a.db') })
    await api.trace.getTracer('test').startActiveSpan('turn', async (turn) => {
      await storage.save(secret('a'))
      await storage.load('a')
      await storage.load('').catch(() => {})
      turn.end()
    })
    await storage.close()
    const finished = spans.getFinishedSpans()
    expect(
      finished.map(({ name, kind, status, attributes }) => ({ name, kind, status: status.code, ...attributes })),
    ).toEqual([
      {
        name: 'save conversations',
        kind: api.SpanKind.CLIENT,
        status: 0,
        'db.system.name': 'sqlite',
        'db.operation.name': 'save',
        'db.collection.name': 'conversations',
      },
      {
        name: 'load conversations',
        kind: api.SpanKind.CLIENT,
        status: 0,
        'db.system.name': 'sqlite',
        'db.operation.name': 'load',
        'db.collection.name': 'conversations',
      },
      {
        name: 'load conversations',
        kind: api.SpanKind.CLIENT,
        status: 2,
        'db.system.name': 'sqlite',
        'db.operation.name': 'load',
        'db.collection.name': 'conversations',
        'error.type': 'ERR_STORAGE_INVALID_ID',
      },
      expect.objectContaining({ name: 'turn' }),
    ])
    const turn = finished[3]?.spanContext().spanId
    expect(finished.slice(0, 3).every(({ parentSpanContext }) => parentSpanContext?.spanId === turn)).toBe(true)
    await reader.forceFlush()
    const metric = exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics[0]
    expect(metric?.descriptor).toMatchObject({ name: 'db.client.operation.duration', unit: 's' })
    expect(metric?.dataPoints).toHaveLength(3)
    expect(JSON.stringify([finished.map(({ attributes }) => attributes), metric])).not.toContain(SECRET)
  })
})
