// The option of all adapters about what they remember of histories.

/** How much of the histories is remembered, so that it need not be parsed and written again. */
export interface SnapshotOptions {
  /**
   * Bytes that the remembered entries of histories may take, in V8's heap and outside of it together, roughly. The conversations
   * that were not used for longest are forgotten first. 0 remembers nothing. See `docs/snapshots.md`.
   *
   * @default 16777216 (16 MiB)
   */
  snapshots?: number | undefined
}
