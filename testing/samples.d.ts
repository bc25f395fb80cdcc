import type { ConversationState } from '../index.js'

/** A conversation state such as FlowKit saves, with `extra` members in place of its own. */
export declare function sample(conversationId: string, extra?: object): ConversationState
/** Members that a careless codec changes or loses. */
export declare function states(): object[]
/** Ids that an attacker might choose. All are valid and all are different conversations. */
export declare function hostileIds(): string[]
/** Strings that are no ids: empty, too long, or not well-formed. */
export declare function invalidIds(): string[]
