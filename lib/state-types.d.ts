// The types of a conversation, as FlowKit has them.

/** Anything that JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** The named values that a conversation has gathered. Names that begin with `_` belong to FlowKit. */
export type Slots = Record<string, JsonValue>

/** The state of one conversation, as FlowKit hands it to a storage. Further members are kept as they are. */
export interface ConversationState {
  /** Names the conversation: well-formed text of 1 to 1,024 bytes (UTF-8). */
  conversationId: string
  /** The step of the flow that comes next. */
  currentStep: string
  /** The values that the conversation has gathered. */
  slots: Slots
  /** The messages, oldest first. */
  history: Array<{ role: 'user' | 'assistant'; content: string }>
  /** True if the conversation is over. */
  ended: boolean
  /** Milliseconds since 1970. */
  createdAt: number
  /** Milliseconds since 1970. */
  updatedAt: number
}

/** The methods that FlowKit calls on a storage. Implement it to write your own. */
export interface StorageAdapter {
  /** Load conversation state. `null` if nothing is stored. */
  load(conversationId: string): Promise<ConversationState | null>
  /** Save conversation state, in place of what was stored before. */
  save(state: ConversationState): Promise<void>
  /** Delete conversation state. Resolves also if nothing is stored. */
  delete(conversationId: string): Promise<void>
}
