/** Limits on what is offered as a dictionary (RFC 9842). */
export const representationLimits = {
  /** Smaller files gain nothing over their compressed form. */
  dictionaryBytesMin: 256,
  /** Browsers hold windows of at most 128 MiB, a quarter of which is for what is new (2.2). */
  dictionaryBytesMax: 100 * 1024 * 1024,
  /** Entity tags of If-None-Match that are looked up as delta bases (RFC 3229). */
  basesMax: 8,
} as const
