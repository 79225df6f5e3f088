import type { PoolReader } from '../objects/pool-reader.ts'
import type { Scratch } from '../objects/scratch.ts'
import { createReferenceCoder, type ReferenceCoder, referenceLimits } from '../references/index.ts'
import { copiesWithin, type ReferenceUse } from './reference-use.ts'

/** Larger pieces are looked through once, and would push what the pool holds out of it. */
const pooledBytesMax = referenceLimits.windowBytes + 2 * referenceLimits.contextBytes

/** Turns differences to predicted references into new bytes, for the copies of one file. */
export class ReferenceDecoder {
  private readonly coder: ReferenceCoder
  private readonly indices: Int32Array
  private readonly release: () => Promise<void>

  private constructor(coder: ReferenceCoder, indices: Int32Array, release: () => Promise<void>) {
    this.coder = coder
    this.indices = indices
    this.release = release
  }

  /** The predictor looks about in the old executable, so that it has to be readable at once. */
  static async open(options: {
    readonly operations: Float64Array
    readonly use: ReferenceUse
    readonly newSize: number
    readonly pool: PoolReader
    readonly scratch: Scratch
  }): Promise<ReferenceDecoder> {
    const { operations, use, newSize, pool, scratch } = options
    const { copies, indices } = copiesWithin(operations, use)
    const old = await pool.readableAtOnce(use.position, scratch)
    const readOld = (position: number, into: Uint8Array): void => {
      const count = Math.min(into.length, pooledBytesMax)
      // What is copied was just read: the pool still has it.
      if (into.length > count || pool.readNow(use.position + position, into, 0, count) < count) {
        old.read(position, into)
      }
    }
    try {
      const sizes = { oldSize: use.size, newSize }
      const coder = createReferenceCoder({ side: use.side, copies, ...sizes, readOld })
      return new ReferenceDecoder(coder, indices, old.release)
    } catch (error) {
      await old.release()
      throw error
    }
  }

  /** What restores the windows of a copy; undefined when it is not predicted. */
  restorer(operation: number): ((offset: number, block: Uint8Array) => void) | undefined {
    const copy = this.indices[operation] ?? -1
    if (copy < 0) return undefined
    return (offset, block) => this.coder.restore(copy, offset, block)
  }

  close(): Promise<void> {
    return this.release()
  }
}
