import type { ConversationState, JsonValue, Slots, StorageAdapter } from '@andresaya/flowkit-storage'

/** One point of a conversation. A step without `answer` ends it. */
export interface Step {
  /** Returns what the bot says on reaching the step. */
  ask(slots: Slots): string
  /** Reads the user's message, may set slots, and names the next step, or nothing to ask again. */
  answer?(text: string, slots: Slots): string | undefined
}

/** The steps of a conversation, and the name of its first. */
export interface Flow {
  start: string
  steps: Record<string, Step>
}

/** What the engine returns for a message. */
export interface EngineOutput {
  /** What the bot says. */
  message: string
}

/** The documented methods of FlowKit's engine. */
export declare class FlowEngine {
  /** `llm` stands for the model: a step reads what it makes of the user's message. */
  constructor(
    flow: Flow,
    options: { llm?: { complete?(text: string): Promise<string> } | undefined; storage: StorageAdapter },
  )
  /** Begins the conversation, or takes it up where it was left. */
  start(conversationId: string, initialSlots?: Slots): Promise<EngineOutput>
  /** Takes a message of the user. */
  handle(conversationId: string, message: string): Promise<EngineOutput>
  /** The whole state, or `null`. */
  getState(conversationId: string): Promise<ConversationState | null>
  /** All slots; none of a conversation that is unknown. */
  getSlots(conversationId: string): Promise<Slots>
  /** One slot, or `undefined`. */
  getSlot(conversationId: string, name: string): Promise<JsonValue | undefined>
  /** Sets a slot of a conversation that was started. */
  setSlot(conversationId: string, name: string, value: JsonValue): Promise<void>
  /** Forgets the conversation. */
  delete(conversationId: string): Promise<void>
}
