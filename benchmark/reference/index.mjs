// The adapters that this package replaces, written in plain JavaScript as FlowKit's documentation describes them. The
// tests compare with what they store, the benchmark with how fast they are.
export { FilesStorage } from './file.mjs'
export { MapStorage } from './map.mjs'
export { IoredisStorage } from './redis.mjs'
export { BetterSqliteStorage } from './sqlite.mjs'
