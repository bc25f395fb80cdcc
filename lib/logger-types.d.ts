// The option of all adapters about what they tell.

/** Takes messages. Any part of it may be missing. */
export interface Logger {
  debug?(message: string, meta?: Record<string, unknown>): unknown
  info?(message: string, meta?: Record<string, unknown>): unknown
  warn?(message: string, meta?: Record<string, unknown>): unknown
  error?(message: string, meta?: Record<string, unknown>): unknown
}

/** Who is told what a storage does by itself. */
export interface LoggerOptions {
  /**
   * Is told of operations that travel in another way, of connections that are lost and back, of states that are corrupt, of sweeps, and
   * of saves that failed though nobody awaited them. Never holds a state. What it throws changes nothing.
   *
   * @example
   * new FileStorage({ dir: 'data', logger: console })
   *
   * @default nobody is told
   */
  logger?: Logger | undefined
}
