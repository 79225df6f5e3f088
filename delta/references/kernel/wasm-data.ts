import { addressMoves, learnMove, moveOfNumber, wordMoves } from './learned-moves'
import { old } from './memory'
import { follow, numberBytesMax, numberLength, readNumber } from './wasm-numbers'
import { end, field32, field8, fresh, old32, old8 } from './window'

/** Words below this are numbers, not addresses; likewise the places of segments. */
const wordMin = 256
const addressMin: i64 = 4096
/** Bytes that a segment's header may have, and bytes of its size. */
const headerBytesMax: usize = 12
const sizeBytesMax: usize = 4
const constantOpcode: u32 = 0x41
const endOpcode: u32 = 0x0b

/** The header of a segment that was found last: where its address goes, and its bytes. */
let addressBytes: usize = 0
let address: i64 = 0
let content: usize = 0
let size: i64 = 0

/** Addresses of the segments, and the words inside them. Returns where the stretch ends. */
export function transformWasmData(from: usize, to: usize): usize {
  let at = from
  // Where the segment at hand ends: unknown before the first header of a window.
  let stop = end
  let phase: usize = 0
  while (at < to) {
    if (findSegment(at)) {
      follow(at + 1, addressBytes, true, addressMoves)
      at = content
      stop = <usize>min(<i64>content + size, <i64>end)
      phase = <usize>(<i64>content - address) & 3
      if (size >= 4 || <i64>stop != <i64>content + size) continue
      shortWord(at, stop)
      at = stop
      continue
    }
    const word = ((at - phase) & 3) == 0 && at + 4 <= stop ? old32(at) : 0
    if (word < wordMin) {
      at++
      continue
    }
    const value = <i64>word
    const actual = field32(at, <i32>(value + moveOfNumber(wordMoves, value)))
    learnMove(wordMoves, value, <i64>actual - value)
    at += 4
  }
  return min(max(at, to), end)
}

/** Reads `i32.const ADDRESS end SIZE`, which comes before the bytes of a segment. */
function findSegment(at: usize): bool {
  if (old8(at) != constantOpcode || at + headerBytesMax > end) return false
  addressBytes = numberLength(at + 1)
  const sizeAt = at + addressBytes + 2
  if (addressBytes > numberBytesMax || old8(sizeAt - 1) != endOpcode) return false
  address = readNumber(old + at + 1, addressBytes, true)
  if (address < addressMin) return false
  const sizeBytes = numberLength(sizeAt)
  content = sizeAt + sizeBytes
  if (sizeBytes > sizeBytesMax || content > end) return false
  size = readNumber(old + sizeAt, sizeBytes, false)
  return true
}

/** A segment of up to three bytes: a word whose upper zeros were left out. */
function shortWord(from: usize, to: usize): void {
  const word = littleEndian(old, from, to)
  const expected = <i32>(word + moveOfNumber(wordMoves, word))
  for (let at = from; at < to; at++) field8(at, expected >>> (<i32>(at - from) * 8))
  learnMove(wordMoves, word, littleEndian(fresh(), from, to) - word)
}

function littleEndian(buffer: usize, from: usize, to: usize): i64 {
  let word: i64 = 0
  for (let at = to; at > from; at--) word = (word << 8) | <i64>load<u8>(buffer + at - 1)
  return word
}
