import type { BinaryCoder } from '../entropy/binary-coder.ts'
import type { EntropyKernel } from '../entropy/entropy-kernel.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { BuildPlan } from '../planning/build-plan.ts'
import type { NewView } from '../planning/pool-layout.ts'

/** Which old objects are unpacked, and which new ones are built unpacked. */
export interface ViewChoice {
  /** Indices in the list of base objects, rising. */
  readonly old: readonly number[]
  readonly next: readonly NewView[]
}

export const noViews: ViewChoice = { old: [], next: [] }

/** Codes the choice in either direction. */
export function codeViews(coder: BinaryCoder, plan: BuildPlan, wanted: ViewChoice): ViewChoice {
  const numbers = new NumberModel(coder, 3)
  const old = codeIndices(numbers, plan.base.length, wanted.old)
  const indices = codeIndices(
    numbers,
    plan.built.length,
    wanted.next.map(({ index }) => index),
  )
  const bytes = new BytesCoder(coder)
  let total = 0
  const next = indices.map((index, i) => {
    const viewBytes = numbers.code(2, wanted.next[i]?.viewBytes ?? 0)
    total += viewBytes
    if (total > deltaLimits.viewBytesMax) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'The unpacked archives are too large.' })
    }
    return { index, viewBytes, recipe: bytes.code(wanted.next[i]?.recipe) }
  })
  return { old, next }
}

function codeIndices(numbers: NumberModel, length: number, wanted: readonly number[]): number[] {
  const count = numbers.code(0, wanted.length)
  const indices: number[] = []
  let last = -1
  for (let i = 0; i < count; i++) {
    last += 1 + numbers.code(1, (wanted[i] ?? 0) - last - 1)
    if (last >= length)
      throw deltaError('LW_DELTA_FORMAT', { detail: 'An object that is not there.' })
    indices.push(last)
  }
  return indices
}

/** Short strings of bytes that say how content is rebuilt. */
export class BytesCoder {
  private readonly kernel: EntropyKernel
  private readonly lengths: NumberModel
  private readonly model: number
  private total = 0

  constructor(coder: BinaryCoder) {
    this.kernel = coder.kernel
    this.lengths = new NumberModel(coder, 1)
    this.model = this.kernel.doors.createShortModel()
  }

  /** @throws LW_DELTA_LIMIT for more bytes in all than descriptions may have */
  code(wanted: Uint8Array | undefined): Uint8Array {
    const length = this.lengths.code(0, wanted?.length ?? 0)
    this.total += length
    if (this.total > deltaLimits.sideBytesMax) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'Descriptions are too long.' })
    }
    const { output, outputAt, doors } = this.kernel
    // Memory follows what was really read, not what a damaged stream claims.
    const pieces: Uint8Array[] = []
    let recent = 0
    for (let at = 0; at < length; at += pieceBytes) {
      const take = Math.min(pieceBytes, length - at)
      if (wanted !== undefined) output.set(wanted.subarray(at, at + take))
      recent = doors.codeString(this.model, recent, outputAt, take)
      if (wanted === undefined) pieces.push(output.slice(0, take))
    }
    return wanted ?? new Uint8Array(Buffer.concat(pieces))
  }
}

const pieceBytes = 1 << 16
