/** Limits of making and applying deltas (docs/limits.md). */
export const deltaLimits = {
  /** Output that is decoded between two looks at the caller's signal. */
  segmentBytes: 64 * 1024,
  /** Old bytes that applying keeps in memory: blocks of `segmentBytes`. */
  baseBlocksMax: 96,
  /** Old objects that are open at the same time while applying. */
  openObjectsMax: 16,
  /** Unpacked bytes of one bulk stream that are held in memory. */
  bulkAtOnceBytesMax: 8 * 1024 * 1024,
  /** Literal bytes that later literals may repeat. */
  literalHistoryBytes: 1 << 22,
  /** Operations of one file of the second kind, which are held in memory: 12 bytes each. */
  fileOperationsMax: 1_500_000,
  /** Unpacked bytes of all archives of one bundle. */
  viewBytesMax: 2 ** 31,
  /** Bytes of all recipes of one bundle, and of all sides of predicted references. */
  sideBytesMax: 4 * 1024 * 1024,
  /** Bytes of changed attributes in a bundle. */
  attributesBytesMax: 256 * 1024,
  /** Memory that making needs beside the objects and their tables. */
  makingBytes: 150 * 1024 * 1024,
  /** Milliseconds that any making may take; large ones get more. */
  makingMsMin: 60_000,
  /** Old and new bytes for which a making gets another millisecond. */
  makingBytesPerMsMin: 500,
  /** Bytes of old and new objects that the matcher takes at once; beyond, files travel whole. */
  matchedBytesMax: 2 ** 31 - 2 ** 20,
} as const
