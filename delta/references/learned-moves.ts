const exactSlots = 1 << 16
const pageSlots = 1 << 14
const pageSizes = [64, 4096, 262_144] as const

/**
 * How far numbers of one kind moved, as earlier numbers showed: the same number, else one near it.
 * Holds no map: for formats whose numbers are indexes or sit in places that no header lists.
 */
export class LearnedMoves {
  private readonly keys = new Float64Array(exactSlots).fill(-1)
  private readonly moves = new Float64Array(exactSlots)
  private readonly pages = pageSizes.map(() => new Float64Array(pageSlots).fill(Number.NaN))

  move(value: number): number {
    const slot = (Math.imul(value, 0x9e3779b1) >>> 0) % exactSlots
    if (this.keys[slot] === value) return this.moves[slot] as number
    for (let level = 0; level < pageSizes.length; level++) {
      const page = Math.floor(value / (pageSizes[level] as number)) % pageSlots
      const known = this.pages[level]?.[page] as number
      if (!Number.isNaN(known)) return known
    }
    return 0
  }

  learn(value: number, move: number): void {
    const slot = (Math.imul(value, 0x9e3779b1) >>> 0) % exactSlots
    this.keys[slot] = value
    this.moves[slot] = move
    for (let level = 0; level < pageSizes.length; level++) {
      const page = Math.floor(value / (pageSizes[level] as number)) % pageSlots
      const pages = this.pages[level] as Float64Array
      pages[page] = move
    }
  }
}
