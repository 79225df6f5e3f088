/** An address that one instruction began and a later one completes. */
export interface AddressPair {
  readonly at: number
  readonly target: number
  /** Where the target is expected; NaN when that is not known. */
  readonly moved: number
  /** The page that the first instruction really has in the new code. */
  readonly page: number
}

/** Addresses begun in the window at hand, by register. */
export class AddressPairs {
  private readonly open: (AddressPair | undefined)[] = new Array(32).fill(undefined)

  clear(): void {
    this.open.fill(undefined)
  }

  set(register: number, at: number, target: number, moved: number): void {
    this.open[register] = { at, target, moved, page: 0 }
  }

  settle(register: number, page: number): void {
    const pair = this.open[register]
    if (pair !== undefined) this.open[register] = { ...pair, page }
  }

  take(register: number, at: number, reach: number): AddressPair | undefined {
    const pair = this.open[register]
    return pair !== undefined && at > pair.at && at - pair.at <= reach ? pair : undefined
  }
}
