/** Limits of the formats themselves; every reader enforces them (docs/limits.md). */
export const limits = {
  pathBytesMax: 4096,
  pathPartBytesMax: 255,
  pathDepthMax: 64,
  /** Entries of one manifest. */
  entriesMax: 1_000_000,
  /** Bytes of one manifest document. */
  manifestBytesMax: 256 * 1024 * 1024,
  /** Bytes of one entry of a manifest: two paths of which every character is escaped. */
  manifestEntryBytesMax: 64 * 1024,
  /** Bytes of what stands in a manifest besides its entries, and its members and items. */
  manifestHeadBytesMax: 8 * 1024 * 1024,
  manifestHeadValuesMax: 8192,
  /** Bytes of one file of a release. */
  fileBytesMax: 1024 ** 4,
  /** Bytes of TUF metadata documents. */
  rootBytesMax: 64 * 1024,
  timestampBytesMax: 16 * 1024,
  snapshotBytesMax: 64 * 1024,
  targetsBytesMax: 256 * 1024,
  /** Roots that a client walks in one update (TUF 5.3.3 asks for a cap). */
  rootRotationsMax: 1024,
  /** Collisions of names that one error lists. */
  collisionsListedMax: 20,
  /** Characters of a value from outside that an error shows. */
  quotedCharactersMax: 200,
  /** Nesting of a JSON document. */
  jsonDepthMax: 64,
  titleCharactersMax: 200,
  descriptionCharactersMax: 4000,
  labelCharactersMax: 64,
  scheduleCharactersMax: 200,
  repeatersMax: 1000,
  /** Bytes of a subscription document that was saved as a file. */
  subscriptionFileBytesMax: 64 * 1024,
  /** Objects of one pack, the bytes of each, and of all before compression. */
  packObjectsMax: 4096,
  packObjectBytesMax: 1024 * 1024,
  packBytesMax: 64 * 1024 * 1024,
  /** Bytes of one feedback entry and of all that one update request carries. */
  feedbackEntryBytesMax: 64 * 1024,
  feedbackRequestBytesMax: 4 * 1024 * 1024,
  updateRequestBytesMax: 6 * 1024 * 1024,
  updateAnswerBytesMax: 8 * 1024 * 1024,
  /** Bytes of the reply of a plug-in. */
  replyBytesMax: 1024 * 1024,
  /** Files of one overlay, the bytes of each and of all, and of the statement that lists them. */
  overlayFilesMax: 1000,
  overlayFileBytesMax: 8 * 1024 * 1024,
  overlayBytesMax: 16 * 1024 * 1024,
  overlayStatementBytesMax: 1024 * 1024,
} as const
