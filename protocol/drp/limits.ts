/** Limits on DRP documents (docs/formats/drp.md). */
export const drpLimits = {
  indexBytesMax: 256 * 1024 * 1024,
  entriesMax: 1_000_000,
  /** `dir` elements inside each other. */
  nestingMax: 64,
  attributesMax: 32,
  /** Characters of `mime` and `info`. */
  attributeCharactersMax: 4096,
  contentIdCharactersMax: 256,
} as const
