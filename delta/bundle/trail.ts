/** The last four bytes of output, which the models take as context. */
export class Trail {
  /** The last one lowest. */
  recent = 0

  push(byte: number): void {
    this.recent = (this.recent << 8) | byte
  }

  /** Takes up to four bytes that end before `end`. */
  pushTail(bytes: Uint8Array, start: number, end: number): void {
    for (let i = Math.max(start, end - 4); i < end; i++) this.push(bytes[i] as number)
  }

  reset(): void {
    this.recent = 0
  }
}
