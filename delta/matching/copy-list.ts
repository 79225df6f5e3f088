/** Copies in the order of the new bytes: triples of new position, old position, length. */
export class CopyList {
  private values = new Int32Array(3 * 256)
  count = 0

  add(newAt: number, oldAt: number, length: number): void {
    if (this.count * 3 === this.values.length) {
      const larger = new Int32Array(this.values.length * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.count * 3] = newAt
    this.values[this.count * 3 + 1] = oldAt
    this.values[this.count * 3 + 2] = length
    this.count++
  }

  /** Adds a copy, or makes the last one longer when it goes on there. */
  join(newAt: number, oldAt: number, length: number): void {
    const last = this.count - 1
    const before = last < 0 ? 0 : this.length(last)
    if (last < 0 || this.newAt(last) + before !== newAt || this.oldAt(last) + before !== oldAt) {
      this.add(newAt, oldAt, length)
    } else {
      this.set(last, this.newAt(last), this.oldAt(last), before + length)
    }
  }

  newAt(index: number): number {
    return this.values[index * 3] as number
  }

  oldAt(index: number): number {
    return this.values[index * 3 + 1] as number
  }

  length(index: number): number {
    return this.values[index * 3 + 2] as number
  }

  set(index: number, newAt: number, oldAt: number, length: number): void {
    this.values[index * 3] = newAt
    this.values[index * 3 + 1] = oldAt
    this.values[index * 3 + 2] = length
  }
}
