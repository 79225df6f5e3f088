/** Limits on what is read from one HTTP field; a longer or larger value counts as malformed. */
export const fieldLimits = {
  /** Characters of one field value, all its lines joined. */
  fieldCharactersMax: 16 * 1024,
  /** Members of one list or dictionary, parameters of one item. */
  membersMax: 256,
  /** Byte ranges of one Range field; more of them are ignored as RFC 9110 14.2 allows. */
  rangesMax: 32,
  /** Characters of a dictionary id (RFC 9842 2.1.3). */
  dictionaryIdCharactersMax: 1024,
} as const
