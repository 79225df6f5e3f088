/** Limits of looking inside archives; maker and applier use the same (docs/limits.md). */
export const archiveLimits = {
  /** Bytes of one view; larger archives stay as they are. */
  viewBytesMax: 1024 ** 3,
  /** Entries of one zip, members of one gzip file. */
  entriesMax: 200_000,
  /** Bytes of one central directory, which both sides hold in memory. */
  centralBytesMax: 8 * 1024 * 1024,
  /** Unpacked bytes of one stream that are held in memory; larger ones are inflated twice. */
  contentBufferMax: 16 * 1024 * 1024,
  /** Bytes of an archive inside an archive that is looked into. */
  nestedBytesMax: 16 * 1024 * 1024,
  /** Archives inside one tar. */
  nestedArchivesMax: 10_000,
  /** Packed bytes held back until the sizes that precede them are known. */
  heldBackMax: 8 * 1024 * 1024,
  /** Bytes of one gzip header. */
  gzipHeaderMax: 128 * 1024,
  /** Bytes of one recipe. */
  recipeBytesMax: 4 * 1024 * 1024,
  /** Distinct deflate settings of one recipe. */
  recipeSettingsMax: 64,
  /** Piece in which streams are read, inflated and deflated: part of the format. */
  pieceBytes: 64 * 1024,
  /** Content bytes deflated in vain before only likely settings are tried. */
  searchVainBytesMax: 24 * 1024 * 1024,
  /** Streams of an archive without any success after which no further one is tried. */
  searchFailuresMax: 64,
} as const

/** What the caller may narrow. */
export interface UnpackLimits {
  /** Bytes that the view may have at most. */
  readonly viewBytesMax?: number
}
