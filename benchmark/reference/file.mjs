import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

let serial = 0

/** A JSON file for each conversation the documented way: `node:fs/promises`, a temporary file renamed over the old one. */
export class FilesStorage {
  constructor({ dir, extension = '.json', pretty = false, fsync = false }) {
    this.dir = dir
    this.extension = extension
    this.indent = pretty ? 2 : undefined
    this.fsync = fsync
    this.made = undefined
  }

  /** Escaped, as ids come from outside: without that, `../../x` would leave the directory. */
  file(conversationId) {
    return join(this.dir, encodeURIComponent(conversationId) + this.extension)
  }

  async load(conversationId) {
    try {
      return JSON.parse(await readFile(this.file(conversationId), 'utf8'))
    } catch (error) {
      if (error.code === 'ENOENT') return null
      throw error
    }
  }

  async save(state) {
    const text = JSON.stringify(state, null, this.indent)
    const file = this.file(state.conversationId)
    const temporary = join(this.dir, `.${process.pid}-${serial++}.tmp`)
    // Once: a call for every save would be work that nobody needs, and the comparison unfair.
    this.made ??= mkdir(this.dir, { recursive: true })
    await this.made
    try {
      const handle = await open(temporary, 'w', 0o600)
      try {
        await handle.writeFile(text)
        if (this.fsync) await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(temporary, file)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    if (this.fsync) await syncDirectory(this.dir)
  }

  async delete(conversationId) {
    await rm(this.file(conversationId), { force: true })
    if (this.fsync) await syncDirectory(this.dir)
  }
}

async function syncDirectory(dir) {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
