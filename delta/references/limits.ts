/** Limits of reference prediction; both sides enforce them (docs/formats/references.md). */
export const referenceLimits = {
  /** Bytes of the layout and mode description that a decoder accepts. */
  sideBytesMax: 4 * 1024 * 1024,
  /** Bytes of a copy that one call transforms; the last window of a copy may be shorter. */
  windowBytes: 64 * 1024,
  /** Old bytes before and after a window that may be looked at. */
  contextBytes: 64,
  /** Bytes of new file that share one mode. */
  cellBytes: 512,
  regionsMax: 4096,
  imagesMax: 1024,
  /** Images that a maker looks at: each may bring several bases. */
  imagesPlannedMax: 8,
  /** Address span of one image, and of all images together. */
  imageSpanMax: 2 ** 32,
  totalSpanMax: 2 ** 33,
  /** Pieces of the old-to-new map; the shortest copies are left out beyond it. */
  mapPiecesMax: 100_000,
  /** Copies shorter than this never enter the map: they are matched by chance too often. */
  mapCopyBytesMin: 32,
  extraPiecesMax: 65_536,
  basesMax: 64,
  goTablesMax: 8,
  /** Functions of all Go tables together. */
  functionsMax: 1_000_000,
  /** Addresses below this are followed as tables of jump targets. */
  tableSpanMax: 2 ** 27,
  /** Base files and new files beyond this are left to plain differences. */
  fileBytesMax: 2 ** 31,
} as const
