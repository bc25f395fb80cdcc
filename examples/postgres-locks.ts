// A storage on PostgreSQL that can do all that those of the package can: locks, conditional saves, expiry, lists. It needs no more
// than to read a text, to change a text and the record of a lock in one transaction, and to list a page of ids.
// `__test__/postgres.spec.ts` runs the suite on it.
import { type ConversationPlace, CustomStorage, type CustomStorageOptions } from '@andresaya/flowkit-storage'
import type { Pool } from 'pg'

class PostgresPlace implements ConversationPlace {
  constructor(private readonly pool: Pool) {}

  async read(conversationId: string) {
    const sql = 'SELECT state AS text, updated_at AS "updatedAt" FROM states WHERE id = $1'
    const { rows } = await this.pool.query(sql, [toKey(conversationId)])
    return rows[0] ?? null
  }

  async list({ prefix, after, limit }: { prefix: string; after: string; limit: number }) {
    const sql = `SELECT id, octet_length(state) AS size, updated_at AS "updatedAt" FROM states
      WHERE id > $1 AND starts_with(id, $2) ORDER BY id LIMIT $3`
    const { rows } = await this.pool.query(sql, [toKey(after), toKey(prefix), limit])
    return rows.map((row) => ({ ...row, id: fromKey(row.id) }))
  }

  async transact(conversationId: string, change: Parameters<ConversationPlace['transact']>[1]) {
    const id = toKey(conversationId)
    const client = await this.pool.connect()
    try {
      await client.query('BEGIN')
      // A conversation that is not there yet has no row to lock.
      await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [id])
      const before = await client.query(
        `SELECT (SELECT state FROM states WHERE id = $1) AS text, (SELECT record FROM locks WHERE id = $1) AS record,
          (SELECT updated_at FROM states WHERE id = $1) AS "updatedAt"`,
        [id],
      )
      const { text, record, updatedAt } = change(before.rows[0])
      await put('states', 'state', text)
      await put('locks', 'record', record)
      if (updatedAt != null) await client.query('UPDATE states SET updated_at = $2 WHERE id = $1', [id, updatedAt])
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }

    /** Leaves the row as it is for `undefined`, and removes it for `null`. */
    async function put(table: string, column: string, value: string | null | undefined) {
      if (value === null) await client.query(`DELETE FROM ${table} WHERE id = $1`, [id])
      if (typeof value !== 'string') return
      const sql = `INSERT INTO ${table} (id, ${column}) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET ${column} = $2`
      await client.query(sql, [id, value])
    }
  }
}

export class LockingPostgresStorage extends CustomStorage {
  static readonly schema = `
    CREATE TABLE IF NOT EXISTS states (id TEXT COLLATE "C" PRIMARY KEY, state TEXT NOT NULL, updated_at FLOAT8);
    CREATE TABLE IF NOT EXISTS locks (id TEXT COLLATE "C" PRIMARY KEY, record TEXT NOT NULL)`

  constructor(pool: Pool, options?: CustomStorageOptions) {
    super(new PostgresPlace(pool), options)
  }
}

/** PostgreSQL's TEXT cannot hold NUL. Escaping it keeps ids readable, and all those without `%` as they are. */
function toKey(id: string): string {
  return id.replaceAll('%', '%25').replaceAll('\0', '%00')
}

function fromKey(key: string): string {
  return key.replaceAll('%00', '\0').replaceAll('%25', '%')
}
