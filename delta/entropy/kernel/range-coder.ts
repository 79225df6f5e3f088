import { codedAt, codedRoom, decisionsAt } from './memory'
import { drain, endsTooEarly, refill, stop } from './outside'

/* The range coder of docs/formats/bundle.md, 3, in both directions. */

/** Values come from the stream. */
const decoding: u32 = 0
/** Values go to the stream. */
const encoding: u32 = 1
/** Models learn from values that are not coded. */
const observing: u32 = 2

/** The interval stays below 2^31. */
const rangeMax: u32 = 0x7fffffff
/** Below this a byte is shifted in or out. */
const rangeMin: u32 = 0x800000
/** Zero bytes that may be read beyond the end before the stream counts as truncated. */
const overrunMax: usize = 8

let mode: u32 = decoding
let range: u32 = rangeMax
/** The next coded byte, read or written. */
let position: usize = codedAt
/** Coded bytes before those at hand. */
let passed: f64 = 0

// Of the decoder. Where the stream ends zeros follow in the room.
let value: u32 = 0
/** Behind the bytes at hand. */
let end: usize = codedAt
/** Behind the last byte of the stream, once it is at hand. */
let streamEnd: usize = usize.MAX_VALUE
/** Reading beyond is reading beyond the end of the stream. */
let lastPosition: usize = usize.MAX_VALUE

// Of the encoder.
let low: u32 = 0
let held: i32 = -1
let heldOnes: u32 = 0

export function beginDecoding(): void {
  mode = decoding
  topUp()
  // The interval has 31 bits: byte boundaries of the stream lie one bit beside it.
  value = min(bswap(load<u32>(codedAt)) >>> 1, rangeMax - 1)
  position = codedAt + 4
}

export function beginEncoding(): void {
  mode = encoding
}

/** Models only learn until the mode that this returns is set again. */
export function observe(): u32 {
  const before = mode
  mode = observing
  return before
}

export function setMode(before: u32): void {
  mode = before
}

/** Bytes read or written so far, not counting what the last interval will need. */
export function bytesCoded(): f64 {
  return passed + <f64>(min(position, streamEnd) - codedAt) + <f64>heldOnes
}

@inline
export function isDecoding(): bool {
  return mode == decoding
}

/**
 * Codes one decision with probability `p` of a one, in 1/65536. A decoder ignores `bit` and returns the
 * one that it reads.
 */
export function codeBit(bit: u32, p: u32): u32 {
  if (mode == decoding) {
    beginBits()
    bit = decodeBit(p)
    endBits()
  } else if (mode == encoding) {
    encodeBit(bit, p)
  }
  return bit
}

/* The eight decisions of a byte, without calls in between: they would cost the caller's registers. */

/** Begins a byte. */
@inline
export function beginByte(): void {
  if (mode == decoding) beginBits()
}

/** Codes the decision at a place of a byte, 7 for the first one. */
@inline
export function codeBitOf(byte: u32, place: i32, p: u32): u32 {
  if (mode == decoding) return decodeBit(p)
  store<u32>(decisionsAt + (<usize>place << 2), p)
  return (byte >>> place) & 1
}

/** Ends a byte. */
@inline
export function endByte(byte: u32): void {
  if (mode == decoding) endBits()
  else if (mode == encoding) encodeByte(byte)
}

function encodeByte(byte: u32): void {
  for (let i = 7; i >= 0; i--) {
    encodeBit((byte >>> i) & 1, load<u32>(decisionsAt + (<usize>i << 2)))
  }
}

/** The bytes for eight decisions are at hand after this: each takes at most two. */
@inline
function beginBits(): void {
  if (position + 16 > end) topUp()
}

@inline
function endBits(): void {
  if (position > lastPosition) stop(endsTooEarly)
}

@inline
function decodeBit(p: u32): u32 {
  const bound = (range >>> 16) * p
  let bit: u32
  if (value < bound) {
    range = bound
    bit = 1
  } else {
    value -= bound
    range -= bound
    bit = 0
  }
  while (range < rangeMin) {
    range <<= 8
    // The lowest bit of the byte before, and all but that of the next one.
    const two = bswap(load<u16>(position - 1))
    value = (value << 8) | ((<u32>two >>> 1) & 0xff)
    position++
  }
  return bit
}

/** Gets more of the stream behind the bytes that are left. */
function topUp(): void {
  if (streamEnd != usize.MAX_VALUE) stop(endsTooEarly)
  // One more is kept: the one before is still looked at.
  memory.copy(codedAt - 1, position - 1, end + 1 - position)
  passed += <f64>(position - codedAt)
  end -= position - codedAt
  position = codedAt
  while (end < codedAt + 16) {
    const more = refill(end)
    end += more
    if (more == 0) {
      streamEnd = end
      lastPosition = end + overrunMax
      memory.fill(end, 0, 48)
      end += 48
    }
  }
}

function encodeBit(bit: u32, p: u32): void {
  const bound = (range >>> 16) * p
  if (bit) {
    range = bound
  } else {
    low += bound
    range -= bound
  }
  while (range < rangeMin) {
    range <<= 8
    shiftOut()
  }
}

function shiftOut(): void {
  const carry = low >>> 31
  if (carry || low < 0x7f800000) {
    if (held >= 0) put(held + carry)
    for (; heldOnes > 0; heldOnes--) put(0xff + carry)
    held = (low >>> 23) & 0xff
  } else {
    heldOnes++
  }
  low = (low & 0x7fffff) << 8
}

function put(byte: u32): void {
  store<u8>(position++, byte)
  if (position == codedAt + codedRoom) drainAll()
}

function drainAll(): void {
  const bytes = position - codedAt
  passed += <f64>bytes
  position = codedAt
  drain(<u32>bytes)
}

/** Ends the stream with the value inside the last interval that has the most trailing zero bits. */
export function finishEncoding(): void {
  const top = <u64>low + range - 1
  for (let bits: u64 = 31; ; bits--) {
    const candidate = (top >> bits) << bits
    if (candidate >= low) {
      low = <u32>candidate
      break
    }
  }
  for (let i = 0; i < 5; i++) shiftOut()
  drainAll()
}
