/** Limits on dictionary-coded bodies (docs/formats/drp.md). */
export const dictionaryLimits = {
  /** Dictionary and content together; both are compared in memory. */
  memoryBytesMax: 256 * 1024 * 1024,
  /** Up to so many bytes together every position is remembered, beyond it every fourth. */
  chainedBytesMax: 64 * 1024 * 1024,
  /** RFC 9842 2.2: clients hold a window of at least 8 MiB or 1.25 times the dictionary… */
  windowBytesMin: 8 * 1024 * 1024,
  /** …and of at most 128 MiB. */
  windowBytesMax: 128 * 1024 * 1024,
  /** RFC 8878 3.1.1.2.4. */
  blockBytesMax: 128 * 1024,
} as const
