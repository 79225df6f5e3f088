import { codedAt, codedRoom } from './memory'
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
const overrunMax: u32 = 8

let mode: u32 = decoding
let range: u32 = rangeMax
/** The next coded byte, read or written. */
let position: usize = codedAt
/** Coded bytes before those at hand. */
let passed: f64 = 0

// Of the decoder.
let value: u32 = 0
let last: u32 = 0
let end: usize = codedAt
let overrun: u32 = 0

// Of the encoder.
let low: u32 = 0
let held: i32 = -1
let heldOnes: u32 = 0

export function beginDecoding(): void {
  mode = decoding
  // The interval has 31 bits: byte boundaries of the stream lie one bit beside it.
  const word = (nextByte() << 24) | (nextByte() << 16) | (nextByte() << 8)
  last = nextByte()
  value = min((word | last) >>> 1, rangeMax - 1)
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
  return passed + <f64>(position - codedAt) + <f64>heldOnes
}

/**
 * Codes one decision with probability `p` of a one, in 1/65536. A decoder ignores `bit` and returns the
 * one that it reads.
 */
@inline
export function codeBit(bit: u32, p: u32): u32 {
  if (mode == decoding) return decodeBit(p)
  if (mode == encoding) encodeBit(bit, p)
  return bit
}

/** As `codeBit`, for code that does not run for every byte. */
export function codeDecision(bit: u32, p: u32): u32 {
  return codeBit(bit, p)
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
  if (range < rangeMin) shiftIn()
  return bit
}

function shiftIn(): void {
  do {
    range <<= 8
    const byte = position < end ? <u32>load<u8>(position++) : nextByte()
    value = (value << 8) | ((last & 1) << 7) | (byte >>> 1)
    last = byte
  } while (range < rangeMin)
}

function nextByte(): u32 {
  if (position >= end && overrun == 0) {
    passed += <f64>(end - codedAt)
    position = codedAt
    end = codedAt + refill()
  }
  if (position < end) return load<u8>(position++)
  if (++overrun > overrunMax) stop(endsTooEarly)
  return 0
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

@inline
export function isDecoding(): bool {
  return mode == decoding
}
