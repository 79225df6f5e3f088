import { deltaLimits } from '../limits.ts'

const capacity = 4 * deltaLimits.segmentBytes

/** Room for one output buffer; one serves all files of a bundle in turn. */
export function outputRoom(): Uint8Array {
  return new Uint8Array(capacity)
}

/** Collects the bytes of one file and hands them on in large pieces. */
export class OutputBuffer {
  readonly bytes: Uint8Array
  at = 0
  private readonly emit: (bytes: Uint8Array) => Promise<void>

  constructor(emit: (bytes: Uint8Array) => Promise<void>, room: Uint8Array) {
    this.bytes = room
    this.emit = emit
  }

  async flush(): Promise<void> {
    if (this.at === 0) return
    await this.emit(this.bytes.subarray(0, this.at))
    this.at = 0
  }
}
