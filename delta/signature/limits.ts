/** Limits of block signatures (docs/formats/signature.md). */
export const signatureLimits = {
  /** Blocks are powers of two between these. */
  blockBytesMin: 512,
  blockBytesMax: 1024 * 1024,
  /** Blocks of one signature: 48 MiB of it. */
  blocksMax: 4 * 1024 * 1024,
  /** Blocks with one rolling checksum that are compared, in the order of the old file. */
  candidatesMax: 16,
  /** Literal bytes that are held back before they are written. */
  pendingBytesMax: 64 * 1024,
  /** Bytes read at once while a signature is made. */
  readBytes: 1024 * 1024,
} as const
