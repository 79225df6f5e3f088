/**
 * A view is a sequence of records; each starts with a varint `flags × 8 + operation`.
 * docs/formats/archives.md has the layout of each.
 */
export const operation = {
  /** `flags` is a length; that many bytes follow and are copied. */
  bytes: 0,
  /** One zip entry: sizes, local header, central header, content, data descriptor. */
  entry: 1,
  /** All central headers of the entries so far. */
  central: 2,
  /** End record of the central directory. */
  end: 3,
  /** One gzip member. */
  member: 4,
  /** A zip or gzip file begins here, inside other content. */
  archive: 5,
  /** Nested content ends here. */
  close: 6,
  /** `flags` is a count of zip entries that stay as they are, with their central headers. */
  kept: 7,
} as const

/** Flags of operation.entry. */
export const entryFlag = {
  deflated: 1,
  nested: 2,
  /** Checksum and sizes of the central header are those of the content. */
  sizes: 4,
  /** Checksum and sizes of the local header are those of the content. */
  localSizes: 8,
  /** Time and date are those of the entry before. */
  sameTime: 16,
  /** Version needed, flags, method, time, date and name are the same in both headers. */
  shared: 32,
  /** The central header's offset is where the local header lies. */
  offset: 64,
  /** Times the number of the descriptor's form. */
  descriptorUnit: 128,
} as const

/** Flags of operation.central: a list of entry numbers follows. */
export const centralFlag = { permuted: 1 } as const

/** Flags of operation.end: counts, size and offset are those of the directory. */
export const endFlag = { regular: 1 } as const

/** Flags of operation.member. */
export const memberFlag = {
  nested: 1,
  /** The trailer is that of the content; otherwise its bytes follow the content as bytes. */
  trailer: 2,
} as const
