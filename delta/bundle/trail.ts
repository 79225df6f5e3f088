/** The last eight bytes of output, which the models take as context. */
export class Trail {
  /** The last four bytes, the last one lowest. */
  recent = 0
  /** The four before those. */
  earlier = 0

  push(byte: number): void {
    this.earlier = (this.earlier << 8) | (this.recent >>> 24)
    this.recent = (this.recent << 8) | byte
  }

  /** Takes up to eight bytes that end before `end`. */
  pushTail(bytes: Uint8Array, start: number, end: number): void {
    for (let i = Math.max(start, end - 8); i < end; i++) this.push(bytes[i] as number)
  }

  reset(): void {
    this.recent = 0
    this.earlier = 0
  }
}
