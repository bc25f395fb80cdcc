import type { ConversationState } from '../../index.js'

export function versioned(conversationId: string, version: number): ConversationState
export function versionOf(conversationId: string, state: ConversationState | null): number
