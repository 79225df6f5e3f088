import { LearnedMoves } from './learned-moves.ts'
import type { Window } from './window.ts'
import { operands, wasmOperands } from './wasm-opcodes.ts'

/** Bytes of the longest LEB128 number that is followed, and old bytes decoded ahead. */
const numberBytesMax = 5
const leadBytes = 48
const tableMax = 4096
/** Constants from here on are code addresses of Go: a function in the upper bits, a block below. */
const codeAddressMin = 0x1000_0000
const blockSize = 65_536
/** Constants below this are numbers, not addresses. */
const addressMin = 4096
const wordMin = 256

/** What WebAssembly numbers turned out to have become: calls, addresses and words of data. */
export class WasmMoves {
  readonly functions = new LearnedMoves()
  readonly addresses = new LearnedMoves()
  readonly codeAddresses = new LearnedMoves()
  readonly words = new LearnedMoves()
}

/** Bytes of the number at an index; at most `numberBytesMax` + 5. */
function numberLength(old: Uint8Array, at: number): number {
  let length = 1
  while (((old[at + length - 1] as number) & 128) !== 0 && length < numberBytesMax + 5) length++
  return length
}

function readNumber(bytes: Uint8Array, at: number, length: number, signed: boolean): number {
  let value = 0
  let scale = 1
  for (let index = 0; index < length; index++) {
    value += ((bytes[at + index] as number) & 127) * scale
    scale *= 128
  }
  return signed && ((bytes[at + length - 1] as number) & 64) !== 0 ? value - scale : value
}

/** Whether a number takes exactly so many bytes. */
function takes(value: number, length: number, signed: boolean): boolean {
  if (!signed) return value >= 128 ** (length - 1) && value < 128 ** length
  const least = length === 1 ? 0 : 64 * 128 ** (length - 2)
  return value >= least && value < 64 * 128 ** (length - 1)
}

/** Transforms a number of the old length; returns its new value, NaN when it has another length. */
function number(
  window: Window,
  at: number,
  field: { readonly length: number; readonly signed: boolean; readonly expected: number },
): number {
  const { length, signed, expected } = field
  const before = window.decode ? 0 : checked(window.io, at, length, signed)
  let rest = expected
  for (let index = 0; index < length; index++) {
    const more = index < length - 1 ? 128 : 0
    window.byte(at + index, (rest % 128) | more)
    rest = Math.floor(rest / 128)
  }
  return window.decode ? checked(window.io, at, length, signed) : before
}

function checked(bytes: Uint8Array, at: number, length: number, signed: boolean): number {
  for (let index = 0; index < length; index++) {
    const more = ((bytes[at + index] as number) & 128) !== 0
    if (more !== index < length - 1) return Number.NaN
  }
  return readNumber(bytes, at, length, signed)
}

/** A constant or a call at `at`; false when it is left alone. */
function follow(
  window: Window,
  at: number,
  field: { readonly length: number; readonly signed: boolean; readonly moves: LearnedMoves },
): boolean {
  const { length, signed, moves } = field
  const value = readNumber(window.old, at, length, signed)
  const unit = signed && value >= codeAddressMin ? blockSize : 1
  const key = Math.floor(value / unit)
  const move = moves.move(key) * unit
  const expected = takes(value + move, length, signed) ? value + move : value
  if (!takes(expected, length, signed)) return false
  const actual = number(window, at, { length, signed, expected })
  if (!Number.isNaN(actual)) moves.learn(key, Math.floor(actual / unit) - key)
  return true
}

/** Code: function indexes of calls, and constants, which hold addresses of data and code. */
export function transformWasmCode(window: Window, from: number, to: number): number {
  const { old, end, wasm } = window
  let at = from - Math.min(window.lead, leadBytes)
  let done = from
  while (at < to) {
    const what = wasmOperands[old[at] as number] as number
    at++
    if (what === operands.none) continue
    const length = numberLength(old, at)
    if (what === operands.constant || what === operands.call) {
      const signed = what === operands.constant
      const inside = at >= from && at + length <= end && length <= numberBytesMax
      const value = inside ? readNumber(old, at, length, signed) : 0
      if (inside && (!signed || value >= addressMin)) {
        let moves = signed ? wasm.addresses : wasm.functions
        if (signed && value >= codeAddressMin) moves = wasm.codeAddresses
        window.plain(done, at)
        done = at
        if (follow(window, at, { length, signed, moves })) done = at + length
      }
      at += length
      continue
    }
    at = skip(old, at, what)
  }
  const stop = Math.min(Math.max(at, to), end)
  window.plain(done, stop)
  return stop
}

/** Index after the operands of an instruction that has nothing to follow. */
function skip(old: Uint8Array, at: number, what: number): number {
  if (what === operands.bytes4) return at + 4
  if (what === operands.bytes8) return at + 8
  const next = at + numberLength(old, at)
  if (what === operands.one || what === operands.vector) return next
  if (what === operands.two) return next + numberLength(old, next)
  if (what === operands.misc) {
    const opcode = old[at] as number
    if (opcode < 8) return next
    const after = next + numberLength(old, next)
    return opcode === 9 || opcode === 13 || opcode > 14 ? after : after + numberLength(old, after)
  }
  const count = Math.min(readNumber(old, at, Math.min(next - at, 3), false), tableMax)
  let end = next
  for (let index = 0; index <= count && end < old.length; index++) end += numberLength(old, end)
  return end
}

/** Data: addresses of the segments, and the words inside them. */
export function transformWasmData(window: Window, from: number, to: number): number {
  const { end, wasm } = window
  let at = from
  let done = from
  // Where the segment at hand ends: unknown before the first header of a window.
  let stop = end
  let phase = 0
  while (at < to) {
    const header = segmentHeader(window, at)
    if (header !== undefined) {
      window.plain(done, at + 1)
      done = at + 1
      const { length, content, address } = header
      if (follow(window, at + 1, { length, signed: true, moves: wasm.addresses })) done += length
      at = content
      stop = Math.min(content + header.size, end)
      phase = (((content - address) % 4) + 4) % 4
      if (header.size >= 4 || stop !== content + header.size) continue
      window.plain(done, at)
      shortWord(window, at, stop)
      at = stop
      done = at
      continue
    }
    const word = (at - phase) % 4 === 0 && at + 4 <= stop ? window.old32(at) : 0
    if (word < wordMin) {
      at++
      continue
    }
    window.plain(done, at)
    const actual = window.field32(at, (word + wasm.words.move(word)) | 0)
    wasm.words.learn(word, actual - word)
    at += 4
    done = at
  }
  const last = Math.min(Math.max(at, to), end)
  window.plain(done, last)
  return last
}

/** `i32.const ADDRESS end SIZE`: what comes before the bytes of a segment. */
function segmentHeader(
  { old, end }: Window,
  at: number,
):
  | { readonly length: number; readonly address: number; content: number; size: number }
  | undefined {
  if (old[at] !== 0x41 || at + 12 > end) return undefined
  const length = numberLength(old, at + 1)
  if (length > numberBytesMax || old[at + 1 + length] !== 0x0b) return undefined
  const address = readNumber(old, at + 1, length, true)
  if (address < addressMin) return undefined
  const sizeLength = numberLength(old, at + length + 2)
  const content = at + length + 2 + sizeLength
  if (sizeLength > 4 || content > end) return undefined
  return { length, address, content, size: readNumber(old, at + length + 2, sizeLength, false) }
}

/** A segment of up to three bytes: a word whose upper zeros were left out. */
function shortWord(window: Window, from: number, to: number): void {
  const { old, wasm } = window
  let word = 0
  for (let at = to - 1; at >= from; at--) word = word * 256 + (old[at] as number)
  const expected = word + wasm.words.move(word)
  const before = littleEndian(window, from, to)
  for (let at = from; at < to; at++) window.byte(at, expected >>> ((at - from) * 8))
  const actual = window.decode ? littleEndian(window, from, to) : before
  wasm.words.learn(word, actual - word)
}

function littleEndian({ io }: Window, from: number, to: number): number {
  let word = 0
  for (let at = to - 1; at >= from; at--) word = word * 256 + (io[at] as number)
  return word
}
