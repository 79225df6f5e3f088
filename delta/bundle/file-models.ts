import { AdaptiveBits } from '../entropy/adaptive-bits.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { CopyCoder } from './copy-coder.ts'
import { DifferenceCoder } from './difference-coder.ts'
import { LiteralCoder } from './literal-coder.ts'
import type { ModelSizes } from './model-settings.ts'
import { OperationCoder } from './operation-coder.ts'
import { Trail } from './trail.ts'
import { BytesCoder } from './view-coder.ts'

/** How one file is coded. */
export interface FileCoding {
  /** Exact copies with operations in between, or inexact copies after all operations. */
  readonly copies: 'exact' | 'inexact'
  /** Literals in the range-coded stream or in a bulk stream. */
  readonly literals: 'modelled' | 'bulk'
  /** Where the differences of inexact copies are. */
  readonly differences: 'modelled' | 'bulk'
}

/** Bytes of the range-coded stream by what they say. */
export class Tally {
  readonly bytes = { head: 0, places: 0, ends: 0, counts: 0, sides: 0, literals: 0, differences: 0 }
  private last = 0

  add(kind: keyof Tally['bytes'], coder: BinaryCoder): void {
    const now = coder.bytesCoded
    this.bytes[kind] += now - this.last
    this.last = now
  }
}

/** Everything adaptive that the files of a bundle share. */
export class FileModels {
  readonly trail = new Trail()
  readonly tally = new Tally()
  readonly operations = new OperationCoder()
  readonly copies = new CopyCoder()
  readonly sides = new BytesCoder()
  readonly sizes: ModelSizes
  private literalCoder: LiteralCoder | undefined
  private differenceCoder: DifferenceCoder | undefined
  private readonly flags = new AdaptiveBits(9, 30)
  private lastFlags = 0

  constructor(sizes: ModelSizes) {
    this.sizes = sizes
  }

  /** Made when first needed: their tables are the larger part of the memory. */
  get literals(): LiteralCoder {
    this.literalCoder ??= new LiteralCoder(
      this.sizes.literalBits,
      Math.min(22, this.sizes.literalBits + 6),
    )
    return this.literalCoder
  }

  get differences(): DifferenceCoder {
    this.differenceCoder ??= new DifferenceCoder(
      this.sizes.differenceBits,
      Math.min(22, this.sizes.differenceBits + 6),
    )
    return this.differenceCoder
  }

  codeCoding(coder: BinaryCoder, wanted: FileCoding): FileCoding {
    const context = this.lastFlags * 2
    const inexact = this.flags.code(coder, context, wanted.copies === 'inexact' ? 1 : 0)
    const bulk = this.flags.code(coder, context + 1, wanted.literals === 'bulk' ? 1 : 0)
    this.lastFlags = inexact * 2 + bulk
    const plain =
      inexact === 1 && this.flags.code(coder, 8, wanted.differences === 'bulk' ? 1 : 0) === 1
    return {
      copies: inexact === 1 ? 'inexact' : 'exact',
      literals: bulk === 1 ? 'bulk' : 'modelled',
      differences: plain ? 'bulk' : 'modelled',
    }
  }
}
