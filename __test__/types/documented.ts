// The snippets of the documented storage page, with the module's name exchanged and nothing else, each in a function of
// its own. Compiled with `--strict`, and run by `documented.spec.ts`.
import {
  type ConversationState,
  FileStorage,
  type JsonValue,
  MemoryStorage,
  RedisStorage,
  type RedisStorageOptions,
  SQLiteStorage,
  type StorageAdapter,
} from '@andresaya/flowkit-storage'
import Database from 'better-sqlite3'
import Redis from 'ioredis'
import type { Pool } from 'pg'

export function memory() {
  const storage = new MemoryStorage()
  return { storage }
}

export function file() {
  const storage = new FileStorage({
    dir: './data/conversations',
    pretty: true,
  })
  return { storage }
}

export function redis() {
  const client = new Redis(process.env.REDIS_URL ?? 'redis://localhost:6379')

  const storage = new RedisStorage({
    client,
    prefix: 'flowkit:',
    ttl: 3600, // 1 hour expiry
  })
  return { storage, client }
}

export function sqlite() {
  const db = new Database('./data/conversations.db')

  const storage = new SQLiteStorage({
    db,
    table: 'conversations',
  })
  return { storage, db }
}

export class PostgresStorage implements StorageAdapter {
  constructor(private pool: Pool) {}

  async load(conversationId: string): Promise<ConversationState | null> {
    const result = await this.pool.query('SELECT state FROM conversations WHERE id = $1', [conversationId])
    return result.rows[0]?.state ?? null
  }

  async save(state: ConversationState): Promise<void> {
    await this.pool.query(
      `INSERT INTO conversations (id, state, updated_at)
       VALUES ($1, $2, NOW())
       ON CONFLICT (id) DO UPDATE SET state = $2, updated_at = NOW()`,
      [state.conversationId, state],
    )
  }

  async delete(conversationId: string): Promise<void> {
    await this.pool.query('DELETE FROM conversations WHERE id = $1', [conversationId])
  }
}

/** Stands for FlowKit's own class: what the page says of it. */
export interface FlowEngineLike {
  getSlots(sessionId: string): Promise<Record<string, JsonValue>>
  getSlot(sessionId: string, name: string): Promise<JsonValue | undefined>
  setSlot(sessionId: string, name: string, value: JsonValue): Promise<void>
  getState(sessionId: string): Promise<ConversationState | null>
  delete(sessionId: string): Promise<void>
}

export function usage<Flow, Adapter, Engine extends FlowEngineLike>(
  FlowEngine: new (flow: Flow, options: { llm: Adapter; storage: StorageAdapter }) => Engine,
  flow: Flow,
  adapter: Adapter,
) {
  const engine = new FlowEngine(flow, {
    llm: adapter,
    storage: new RedisStorage({
      host: process.env.REDIS_HOST,
      ttl: 3600,
    }),
  })
  return engine
}

export async function accessingState(engine: FlowEngineLike, sessionId: string) {
  // Get all slots
  const slots = await engine.getSlots(sessionId)

  // Get specific slot
  const name = await engine.getSlot(sessionId, 'user_name')

  // Set a slot
  await engine.setSlot(sessionId, 'verified', true)

  // Get full state
  const state = await engine.getState(sessionId)

  // Delete conversation
  await engine.delete(sessionId)
  return { slots, name, state }
}

export function ttl() {
  return new RedisStorage({ ttl: 3600 }) // 1 hour
}

export function sessionIds(userId: string) {
  const sessionId = `user-${userId}-${Date.now()}`
  return sessionId
}

/** The documented interfaces, which ours must take the place of. */
interface DocumentedState {
  conversationId: string
  currentStep: string
  slots: Record<string, JsonValue>
  history: Array<{ role: 'user' | 'assistant'; content: string }>
  ended: boolean
  createdAt: number
  updatedAt: number
}
interface DocumentedAdapter {
  load(conversationId: string): Promise<DocumentedState | null>
  save(state: DocumentedState): Promise<void>
  delete(conversationId: string): Promise<void>
}
export const oursForTheirs = (adapter: StorageAdapter): DocumentedAdapter => adapter
export const theirsForOurs = (adapter: DocumentedAdapter): StorageAdapter => adapter
export const bothWays = (state: DocumentedState): ConversationState => state
export const options: Pick<RedisStorageOptions, 'client' | 'prefix' | 'ttl'> = { client: redisFake(), ttl: 3600 }

function redisFake() {
  return { get: async () => null, set: async () => 'OK', del: async () => 0 }
}
