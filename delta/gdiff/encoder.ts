import { copyCommandBytes } from './command.ts'
import { gdiffLimits } from './limits.ts'
import { GdiffWriter } from './writer.ts'

const keyBytes = 8
/** Old positions with the same key that are compared. */
const candidatesMax = 8

/**
 * Makes a difference between two files in memory, in one pass over each: old positions are hashed
 * by the 8 bytes that start there, and a run goes on along its diagonal behind a small change.
 * Takes about 5 times the old bytes of memory beside both files.
 */
export function encodeGdiff(old: Uint8Array, next: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  writeGdiff(old, next, (bytes) => parts.push(bytes))
  return Buffer.concat(parts)
}

/** As `encodeGdiff`, but hands the bytes on as they are made. */
export function writeGdiff(
  old: Uint8Array,
  next: Uint8Array,
  emit: (bytes: Uint8Array) => void,
): void {
  if (old.byteLength + next.byteLength > gdiffLimits.memoryBytesMax) {
    throw new TypeError('files of this size are for encodeGdiffStream')
  }
  const writer = new GdiffWriter(emit)
  const table = new KeyTable(old)
  let literalFrom = 0
  let at = 0
  /** Old position minus new position of the last copy. */
  let diagonal = 0
  while (at < next.byteLength) {
    const run =
      runAlong(old, next, { at, literalFrom, old: at + diagonal }) ??
      table.longestRun(next, at, literalFrom)
    if (run === undefined) {
      at++
      continue
    }
    if (run.from > literalFrom) writer.literal(next.subarray(literalFrom, run.from))
    writer.copy(run.old, run.length)
    diagonal = run.old - run.from
    at = run.from + run.length
    literalFrom = at
  }
  if (literalFrom < next.byteLength) writer.literal(next.subarray(literalFrom))
  writer.end()
}

interface Run {
  readonly old: number
  /** Where it starts in the new file. */
  readonly from: number
  readonly length: number
}

/** The run through a pair of positions, both ways; undefined when it does not pay as a copy. */
function runAlong(
  old: Uint8Array,
  next: Uint8Array,
  pair: { readonly at: number; readonly literalFrom: number; readonly old: number },
): Run | undefined {
  if (pair.old < 0 || pair.old >= old.byteLength || old[pair.old] !== next[pair.at]) {
    return undefined
  }
  let length = 1
  const room = Math.min(old.byteLength - pair.old, next.byteLength - pair.at)
  while (length < room && old[pair.old + length] === next[pair.at + length]) length++
  let back = 0
  const backRoom = Math.min(pair.old, pair.at - pair.literalFrom)
  while (back < backRoom && old[pair.old - back - 1] === next[pair.at - back - 1]) back++
  const run = { old: pair.old - back, from: pair.at - back, length: length + back }
  // A copy between two literals also costs the head of the second literal.
  const cost = copyCommandBytes(run.old, run.length) + (run.from > pair.literalFrom ? 1 : 0)
  return run.length > cost ? run : undefined
}

/** Old positions by the hash of the 8 bytes that start there; the latest first. */
class KeyTable {
  readonly #old: Uint8Array
  readonly #heads: Int32Array
  readonly #earlier: Int32Array
  readonly #shift: number

  constructor(old: Uint8Array) {
    this.#old = old
    const keys = Math.max(0, old.byteLength - keyBytes + 1)
    const bits = Math.min(22, Math.max(8, 32 - Math.clz32(keys)))
    this.#shift = 32 - bits
    this.#heads = new Int32Array(1 << bits).fill(-1)
    this.#earlier = new Int32Array(keys)
    // Backwards, so that a walk meets the first positions first: runs then grow longest.
    for (let at = keys - 1; at >= 0; at--) {
      const slot = hashAt(old, at) >>> this.#shift
      this.#earlier[at] = this.#heads[slot] ?? -1
      this.#heads[slot] = at
    }
  }

  longestRun(next: Uint8Array, at: number, literalFrom: number): Run | undefined {
    if (at + keyBytes > next.byteLength || this.#earlier.length === 0) return undefined
    let best: Run | undefined
    let position = this.#heads[hashAt(next, at) >>> this.#shift] ?? -1
    for (let tried = 0; position !== -1 && tried < candidatesMax; tried++) {
      const run = runAlong(this.#old, next, { at, literalFrom, old: position })
      if (run !== undefined && run.length > (best?.length ?? keyBytes - 1)) best = run
      // One long run is enough: comparing all of them again would be quadratic.
      if (best !== undefined && best.length >= 4096) break
      position = this.#earlier[position] ?? -1
    }
    return best
  }
}

function hashAt(bytes: Uint8Array, at: number): number {
  const low =
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  const high =
    (bytes[at + 4] ?? 0) |
    ((bytes[at + 5] ?? 0) << 8) |
    ((bytes[at + 6] ?? 0) << 16) |
    ((bytes[at + 7] ?? 0) << 24)
  return (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> 0
}
