/**
 * States that carry a version from which everything else in them follows, so that a mixture of two is noticed. Sizes
 * differ from version to version, up to 40 KB. Their histories begin alike, so that they travel short.
 */
export function versioned(conversationId, version) {
  const line = `${conversationId} version ${version}; `
  const earlier = Array.from({ length: version % 20 }, (_, number) => ({ role: 'assistant', content: `${number}` }))
  return {
    conversationId,
    currentStep: `step ${version}`,
    slots: { version, last: version },
    history: [...earlier, { role: 'user', content: line.repeat(1 + ((version * 7919) % 1500)) }],
    ended: false,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000 + version,
  }
}

/** The version of a whole state; throws where the state is not exactly what was saved as that version. */
export function versionOf(conversationId, state) {
  if (state === null) return 0
  const { version } = state.slots
  if (JSON.stringify(state) !== JSON.stringify(versioned(conversationId, version))) {
    throw new Error(`a torn state: ${JSON.stringify(state).slice(0, 200)}`)
  }
  return version
}
