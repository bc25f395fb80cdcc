// The types of a place for conversations, as `CustomStorage` uses it.

/** The content that a place keeps of one conversation. */
export interface StoredContent {
  /** The JSON of the state; `null` if there is none. */
  text: string | null
  /**
   * The record of the lock of this conversation; `null` if there is none. It is there only while somebody has the lock or waits for
   * it.
   */
  record: string | null
  /** The time of the last save or touch, in ms since 1970. A place that does not keep it has conversations that never expire. */
  updatedAt?: number | null
}

/** A conversation, as a place lists it. */
export interface ListedConversation {
  id: string
  /** The bytes of its text. */
  size: number
  /** As in {@link StoredContent}. */
  updatedAt?: number | null
}

/** A place for conversations, as `CustomStorage` uses it. Ids are checked; one operation at a time on each conversation. */
export interface ConversationPlace {
  /** Returns what is stored; `null` if nothing is. */
  read(conversationId: string): Promise<Pick<StoredContent, 'text' | 'updatedAt'> | null>
  /**
   * Calls `change` with what is stored, and stores what it returns, in one transaction: nobody changes this conversation in
   * between. What `change` leaves out stays as it is; `null` removes it. `change` may be called again.
   */
  transact(conversationId: string, change: (stored: StoredContent) => Partial<StoredContent>): Promise<void>
  /**
   * Returns the conversations that have a text, at most `limit`, whose ids begin with `prefix` and come behind `after` in an order
   * that stays. Without it there are no `list`, `count`, `purge` and `clear`.
   */
  list?(page: { prefix: string; after: string; limit: number }): Promise<ListedConversation[]>
  /** Releases what the place opened. */
  close?(): unknown
  /** Returns where the conversation is kept, as an error message names it. */
  location?(conversationId: string): string
}
