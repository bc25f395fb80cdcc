// The documented PostgresStorage, and what its SQL had to become to keep the contract of a storage adapter. Each change
// says which fault of the documented form the suite found; `__test__/postgres.spec.ts` runs the suite on both.
import type { ConversationState, StorageAdapter } from '@andresaya/flowkit-storage'
import type { Pool } from 'pg'

export class PostgresStorage implements StorageAdapter {
  /**
   * Run it once. Fault: as JSONB, `state` has its members sorted, and text with `\u0000` or a lone surrogate is refused.
   * As TEXT it stays what `JSON.stringify` made. `COLLATE "C"` compares ids byte by byte, whatever the database does.
   */
  static readonly schema = `CREATE TABLE IF NOT EXISTS conversations (
    id TEXT COLLATE "C" PRIMARY KEY,
    state TEXT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
  )`

  // Not `#pool`: a tracing Proxy around the adapter could not reach it.
  private readonly pool: Pool
  /** The last operation on each conversation that has not ended. */
  private readonly tails = new Map<string, Promise<unknown>>()

  constructor(pool: Pool) {
    this.pool = pool
  }

  async load(conversationId: string): Promise<ConversationState | null> {
    const id = toKey(conversationId)
    const result = await this.inOrder(id, 'SELECT state FROM conversations WHERE id = $1', [id])
    const text: string | undefined = result.rows[0]?.state
    if (text === undefined) return null
    const state: ConversationState | null = JSON.parse(text)
    // Fault: whatever stood in the row was taken for the state of this conversation, `null` for an absent one.
    if (state?.conversationId !== conversationId) throw new Error(`the row ${id} holds no state of this conversation`)
    return state
  }

  async save(state: ConversationState): Promise<void> {
    const id = toKey(state?.conversationId)
    // Fault: given the object itself, `pg` writes its JSON when a connection is free, and what the caller changes until
    // then is saved. As text it is read now.
    const text = JSON.stringify(state)
    await this.inOrder(
      id,
      `INSERT INTO conversations (id, state, updated_at)
       VALUES ($1, $2, NOW())
       ON CONFLICT (id) DO UPDATE SET state = $2, updated_at = NOW()`,
      [id, text],
    )
  }

  async delete(conversationId: string): Promise<void> {
    const id = toKey(conversationId)
    await this.inOrder(id, 'DELETE FROM conversations WHERE id = $1', [id])
  }

  /**
   * Fault: a pool gives each query a connection of its own, so that of two un-awaited saves the first may win. Here an
   * operation waits for the one before it on the same conversation.
   */
  private inOrder(id: string, sql: string, values: string[]) {
    const before = this.tails.get(id) ?? Promise.resolve()
    const outcome = before.then(() => this.pool.query(sql, values))
    const tail: Promise<void> = outcome.then(ignore, ignore).then(() => {
      if (this.tails.get(id) === tail) this.tails.delete(id)
    })
    this.tails.set(id, tail)
    return outcome
  }
}

/**
 * Faults: any value was taken for an id, the empty text and megabytes included (an index refuses more than 2,704 bytes),
 * lone surrogates were silently replaced, so that two ids met in one row, and TEXT cannot hold NUL. Escaping NUL keeps
 * ids readable, and all those without `%` as they were.
 */
function toKey(id: unknown): string {
  if (typeof id !== 'string' || id === '' || !id.isWellFormed() || Buffer.byteLength(id) > 1024) {
    throw new TypeError('a conversation id is well-formed text of 1 to 1,024 bytes')
  }
  return id.replaceAll('%', '%25').replaceAll('\0', '%00')
}

function ignore() {}
