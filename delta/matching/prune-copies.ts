import { CopyList } from './copy-list.ts'

/** What a literal costs in bits: WebAssembly packs better than code for processors. */
export const literalPrices = { program: 1.8, wasm: 1.2 } as const
/** What an operation and a byte that differs cost in bits, as measured on programs. */
const operationBits = 14
const differenceBits = 5.5
const stepBits = 4
const stepDigitBits = 1.25
/** Copies from here on pay in any case. */
const countedBytesMax = 2048
const passesMax = 4

interface Sides {
  readonly base: Uint8Array
  readonly next: Uint8Array
  /** The new position, and the old one, from which the first copy is counted. */
  readonly start: number
  readonly from: number
  readonly literalBits: number
}

/**
 * Drops inexact copies that cost more than the literals that they spare. Code repeats itself
 * everywhere, so a short copy from far away is mostly chance.
 */
export function pruneCopies(copies: CopyList, sides: Sides): CopyList {
  let current = copies
  let differing = differences(copies, sides)
  for (let pass = 0; pass < passesMax; pass++) {
    const kept = prunePass(current, differing, sides)
    if (kept.copies.count === current.count) return current
    current = kept.copies
    differing = kept.differing
  }
  return current
}

function prunePass(
  copies: CopyList,
  differing: Int32Array,
  { start, from, literalBits }: Sides,
): { readonly copies: CopyList; readonly differing: Int32Array } {
  const kept = new CopyList()
  const left = new Int32Array(copies.count)
  let oldEnd = from
  let newEnd = start
  for (let i = 0; i < copies.count; i++) {
    const at = copies.newAt(i)
    const old = copies.oldAt(i)
    const length = copies.length(i)
    let cost = operationBits + placeBits(old, at, oldEnd, newEnd)
    cost += (differing[i] as number) * differenceBits
    if (i + 1 < copies.count) {
      const nextAt = copies.newAt(i + 1)
      const nextOld = copies.oldAt(i + 1)
      cost += placeBits(nextOld, nextAt, old + length, at + length)
      cost -= placeBits(nextOld, nextAt, oldEnd, newEnd)
    }
    if (cost > length * literalBits) continue
    left[kept.count] = differing[i] as number
    kept.add(at, old, length)
    oldEnd = old + length
    newEnd = at + length
  }
  return { copies: kept, differing: left }
}

function differences(copies: CopyList, { base, next }: Sides): Int32Array {
  const counts = new Int32Array(copies.count)
  for (let i = 0; i < copies.count; i++) {
    const length = copies.length(i)
    if (length >= countedBytesMax) continue
    const at = copies.newAt(i)
    const old = copies.oldAt(i)
    let count = 0
    for (let j = 0; j < length; j++) if (base[old + j] !== next[at + j]) count++
    counts[i] = count
  }
  return counts
}

function placeBits(old: number, at: number, oldEnd: number, newEnd: number): number {
  const step = Math.abs(old - oldEnd - (at - newEnd))
  if (step === 0) return 1
  if (old === oldEnd) return 2
  return stepBits + stepDigitBits * Math.log2(step + 1)
}
