import { BlockWriter } from './block-writer.ts'
import { dictionaryLimits } from './limits.ts'
import { type Match, MatchFinder } from './match-finder.ts'
import type { Sequence } from './sequence.ts'
import { matchBytesMin } from './zstd-codes.ts'

/**
 * Writes content as one Zstandard frame (RFC 8878 3.1.1) whose matches reach into a raw
 * dictionary. The same input gives the same bytes on every machine.
 */
export function writeFrame(
  dictionary: Uint8Array,
  content: Uint8Array,
  windowBytesMax: number,
): Uint8Array {
  const head = frameHead(content.byteLength, windowBytesMax)
  const joined = Buffer.concat([dictionary, content])
  const parts: Uint8Array[] = [head.bytes]
  const writer = new BlockWriter()
  const blockBytes = Math.max(1, Math.min(dictionaryLimits.blockBytesMax, head.windowBytes))
  const end = joined.byteLength
  const planner = new BlockPlanner(joined, dictionary.byteLength, head.windowBytes)
  let at = dictionary.byteLength
  do {
    const block = planner.next(at, Math.min(end, at + blockBytes))
    const bytes = joined.subarray(at, block.end)
    parts.push(writer.write(bytes, block.sequences, block.end === end))
    at = block.end
  } while (at < end)
  return Buffer.concat(parts)
}

/** Cuts the content into blocks and each block into sequences. */
class BlockPlanner {
  readonly #finder: MatchFinder
  readonly #end: number
  /** The rest of a match that went over the end of the last block. */
  #carried: Match | undefined

  constructor(joined: Uint8Array, start: number, windowBytes: number) {
    this.#finder = new MatchFinder(joined, start, windowBytes)
    this.#end = joined.byteLength
  }

  next(
    start: number,
    end: number,
  ): { readonly sequences: readonly Sequence[]; readonly end: number } {
    const sequences: Sequence[] = []
    let literalsFrom = start
    let at = start
    while (at < end) {
      const match = this.#carried ?? this.#finder.find(at, this.#end, literalsFrom)
      this.#carried = undefined
      if (match === undefined) {
        at++
        continue
      }
      if (match.at >= end) {
        this.#carried = match
        break
      }
      const length = lengthWithin(match, end)
      if (length < matchBytesMin) {
        // Too little room: the block ends before the match.
        this.#carried = match
        if (match.at > start) return { sequences, end: match.at }
        at++
        this.#carried = undefined
        continue
      }
      sequences.push({ literals: match.at - literalsFrom, match: length, offset: match.offset })
      this.#finder.use(match.offset)
      at = match.at + length
      literalsFrom = at
      if (length < match.length) this.#carried = { ...match, at, length: match.length - length }
    }
    return { sequences, end }
  }
}

/** As much of a match as a block takes, so that what is left over can still be a match. */
function lengthWithin(match: Match, end: number): number {
  const room = end - match.at
  if (match.length <= room) return match.length
  return match.length - room >= matchBytesMin ? room : match.length - matchBytesMin
}

interface FrameHead {
  readonly bytes: Uint8Array
  readonly windowBytes: number
}

const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)

/** RFC 8878 3.1.1.1: content size always, a window of its own only when content outgrows it. */
function frameHead(size: number, windowBytesMax: number): FrameHead {
  const sizeBytes = size < 256 ? 1 : size < 65536 + 256 ? 2 : size <= 0xffffffff ? 4 : 8
  const sizeFlag = { 1: 0, 2: 1, 4: 2, 8: 3 }[sizeBytes] ?? 0
  const isSingle = size <= windowBytesMax
  const field = Buffer.alloc(8)
  field.writeBigUInt64LE(BigInt(sizeBytes === 2 ? size - 256 : size))
  const contentSize = field.subarray(0, sizeBytes)
  if (isSingle) {
    const descriptor = Uint8Array.of((sizeFlag << 6) | 0x20)
    return { bytes: Buffer.concat([magic, descriptor, contentSize]), windowBytes: size }
  }
  const window = windowDescriptor(windowBytesMax)
  const head = Uint8Array.of(sizeFlag << 6, window.byte)
  return { bytes: Buffer.concat([magic, head, contentSize]), windowBytes: window.bytes }
}

/** RFC 8878 3.1.1.1.2: the largest window that is not above the limit. */
function windowDescriptor(windowBytesMax: number): {
  readonly byte: number
  readonly bytes: number
} {
  const exponent = Math.floor(Math.log2(windowBytesMax))
  const base = 2 ** exponent
  const mantissa = Math.floor(((windowBytesMax - base) * 8) / base)
  return { byte: ((exponent - 10) << 3) | mantissa, bytes: base + (base / 8) * mantissa }
}
