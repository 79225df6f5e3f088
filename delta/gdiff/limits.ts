/** Limits on making and reading GDIFF (docs/formats/drp.md). */
export const gdiffLimits = {
  /** Largest length of one command: its fields are signed 32-bit numbers. */
  runBytesMax: 2 ** 31 - 1,
  /** Bytes that one copy command is read, and emitted, by. */
  pieceBytesMax: 64 * 1024,
  /** Old and new bytes together up to which both are compared in memory. */
  memoryBytesMax: 512 * 1024 * 1024,
  /** Blocks of the old file that the large-file encoder remembers. */
  blocksMax: 1024 * 1024,
  /** Literal bytes that the large-file encoder holds back. */
  pendingBytesMax: 64 * 1024,
} as const
