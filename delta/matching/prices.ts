/** What things cost in bits, roughly; only sizes depend on it. */
export interface Prices {
  readonly literal: number
  /** The end of a copy and the count of literals before it. */
  readonly operation: number
  /** A substitution that was seen before, and what follows it: each. */
  readonly habit: number
  /** A step adds this to the logarithm of its distance. */
  readonly step: number
}

export const textPrices: Prices = { literal: 2.6, operation: 5, habit: 0.5, step: 11 }
