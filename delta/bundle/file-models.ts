import { AdaptiveBits } from '../entropy/adaptive-bits.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import type { ModelSizes } from './model-settings.ts'
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

/** Everything adaptive that the files of a bundle share; the larger part of it is the kernel's. */
export class FileModels {
  readonly tally = new Tally()
  readonly sides: BytesCoder
  private readonly flags: AdaptiveBits
  private lastFlags = 0

  constructor(coder: BinaryCoder, { literalBits, differenceBits }: ModelSizes) {
    coder.kernel.doors.createFileModels(literalBits, differenceBits)
    this.sides = new BytesCoder(coder)
    this.flags = new AdaptiveBits(coder, 9, 30)
  }

  codeCoding(wanted: FileCoding): FileCoding {
    const context = this.lastFlags * 2
    const inexact = this.flags.code(context, wanted.copies === 'inexact' ? 1 : 0)
    const bulk = this.flags.code(context + 1, wanted.literals === 'bulk' ? 1 : 0)
    this.lastFlags = inexact * 2 + bulk
    const plain = inexact === 1 && this.flags.code(8, wanted.differences === 'bulk' ? 1 : 0) === 1
    return {
      copies: inexact === 1 ? 'inexact' : 'exact',
      literals: bulk === 1 ? 'bulk' : 'modelled',
      differences: plain ? 'bulk' : 'modelled',
    }
  }
}
