/** Conversations in a table the documented way: prepared statements of better-sqlite3, on the JavaScript thread. */
export class BetterSqliteStorage {
  constructor({ db, table = 'conversations' }) {
    const name = `"${table.replaceAll('"', '""')}"`
    db.exec(
      `CREATE TABLE IF NOT EXISTS ${name} (id TEXT PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL)`,
    )
    this.get = db.prepare(`SELECT state FROM ${name} WHERE id = ?`)
    this.upsert = db.prepare(
      `INSERT INTO ${name} (id, state, updated_at) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at`,
    )
    this.remove = db.prepare(`DELETE FROM ${name} WHERE id = ?`)
  }

  async load(conversationId) {
    const row = this.get.get(conversationId)
    return row === undefined ? null : JSON.parse(row.state)
  }

  async save(state) {
    this.upsert.run(state.conversationId, JSON.stringify(state), Date.now())
  }

  async delete(conversationId) {
    this.remove.run(conversationId)
  }
}
