/** Literals, then a match: what a compressed block is made of. */
export interface Sequence {
  /** Literal bytes before the match. */
  readonly literals: number
  readonly match: number
  /** Bytes back from where the match begins; it may reach into the dictionary. */
  readonly offset: number
}
