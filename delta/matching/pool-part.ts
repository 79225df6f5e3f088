/** One object of the pool. */
export interface PoolPart {
  readonly position: number
  readonly size: number
  /** Only long stretches of it are of use: what was packed stays so in runs. */
  readonly coarse?: boolean
}
