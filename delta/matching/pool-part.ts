/** One object of the pool. */
export interface PoolPart {
  readonly position: number
  readonly size: number
}
