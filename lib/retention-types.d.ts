// The options of all adapters about how long a conversation is kept.

/** How long a conversation is kept. */
export interface RetentionOptions {
  /**
   * Seconds until a conversation expires. Each save and each `touch` starts them anew. An expired conversation is absent, and its
   * space is given back later. 0 for never.
   *
   * @default 0
   */
  ttl?: number | undefined
  /**
   * A load starts them anew, too, once a twentieth of `ttl` has passed.
   *
   * @default false
   */
  refreshOnLoad?: boolean | undefined
  /**
   * Gives back the space of expired conversations, in the background. Use `false` if another process does. Redis does it by
   * itself.
   *
   * @default true
   */
  sweep?: boolean | undefined
}
