import type { ConversationState } from '../index.js'

/** Returns a conversation state such as FlowKit saves, with `extra` members in place of its own. */
export declare function sample(conversationId: string, extra?: object): ConversationState
/** Returns members that a careless codec changes or loses. */
export declare function states(): object[]
/** Returns ids that an attacker might choose. All are valid, and each names a conversation of its own. */
export declare function hostileIds(): string[]
/** Returns strings that are no ids: empty, too long, or not well-formed. */
export declare function invalidIds(): string[]
