import type { EntropyKernel } from '../entropy/entropy-kernel.ts'

/** The kernel's room for output: collects the bytes of one file, to hand them on in large pieces. */
export class OutputBuffer {
  private readonly kernel: EntropyKernel
  private readonly emit: (bytes: Uint8Array) => Promise<void>

  constructor(kernel: EntropyKernel, emit: (bytes: Uint8Array) => Promise<void>) {
    this.kernel = kernel
    this.emit = emit
  }

  /** Bytes that wait. */
  get filled(): number {
    return this.kernel.doors.outputFilled()
  }

  /** Room for more. */
  get left(): number {
    return this.kernel.output.length - this.filled
  }

  /** The last bytes that wait. */
  last(count: number): Uint8Array {
    const { filled } = this
    return this.kernel.output.subarray(filled - count, filled)
  }

  async flush(): Promise<void> {
    const { filled } = this
    if (filled === 0) return
    await this.emit(this.kernel.output.subarray(0, filled))
    this.kernel.doors.emptyOutput()
  }
}
