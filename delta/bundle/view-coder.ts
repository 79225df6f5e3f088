import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { ByteModel } from '../entropy/byte-model.ts'
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
  const numbers = new NumberModel(3)
  const old = codeIndices(coder, numbers, plan.base.length, wanted.old)
  const indices = codeIndices(
    coder,
    numbers,
    plan.built.length,
    wanted.next.map(({ index }) => index),
  )
  const bytes = new BytesCoder()
  let total = 0
  const next = indices.map((index, i) => {
    const viewBytes = numbers.code(coder, 2, wanted.next[i]?.viewBytes ?? 0)
    total += viewBytes
    if (total > deltaLimits.viewBytesMax) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'The unpacked archives are too large.' })
    }
    return { index, viewBytes, recipe: bytes.code(coder, wanted.next[i]?.recipe) }
  })
  return { old, next }
}

function codeIndices(
  coder: BinaryCoder,
  numbers: NumberModel,
  length: number,
  wanted: readonly number[],
): number[] {
  const count = numbers.code(coder, 0, wanted.length)
  const indices: number[] = []
  let last = -1
  for (let i = 0; i < count; i++) {
    last += 1 + numbers.code(coder, 1, (wanted[i] ?? 0) - last - 1)
    if (last >= length)
      throw deltaError('LW_DELTA_FORMAT', { detail: 'An object that is not there.' })
    indices.push(last)
  }
  return indices
}

/** Short strings of bytes that say how content is rebuilt. */
export class BytesCoder {
  private readonly numbers = new NumberModel(1)
  private readonly model = new ByteModel(10)
  private total = 0

  code(coder: BinaryCoder, wanted: Uint8Array | undefined): Uint8Array {
    const length = this.numbers.code(coder, 0, wanted?.length ?? 0)
    this.total += length
    if (this.total > deltaLimits.sideBytesMax) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'Descriptions are too long.' })
    }
    let bytes = new Uint8Array(Math.min(length, 1 << 16))
    const { contexts, guesses } = this.model
    guesses.fill(-1)
    let recent = 0
    for (let i = 0; i < length; i++) {
      // Memory follows what was really read, not what a damaged stream claims.
      if (i === bytes.length) bytes = grown(bytes, length)
      contexts[0] = 0
      contexts[1] = recent & 0xff
      contexts[2] = recent & 0xffff
      contexts[3] = recent & 0xffffff
      contexts[4] = recent
      contexts[5] = recent & 0xff00
      const byte = this.model.code(coder, wanted?.[i] ?? 0)
      bytes[i] = byte
      recent = (recent << 8) | byte
    }
    return bytes.subarray(0, length)
  }
}

function grown(bytes: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(most, bytes.length * 2))
  larger.set(bytes)
  return larger
}
