import { byteModelBytes, codeByte } from './byte-model'
import { History, historyBits } from './history'
import { allocate } from './memory'
import { forgetRecent, pushRecent, recentBytes } from './output'
import { observe, setMode } from './range-coder'

/* Literals of docs/formats/bundle.md, 8: bytes that no old object has. */

let model: usize = 0
let bits: u32 = 0
let history: History = changetype<History>(0)
/** The last differences from old bytes, at most two of one run. */
let shift: u32 = 0

export function createLiterals(modelBits: u32): void {
  bits = modelBits
  model = allocate(byteModelBytes(bits))
  history = History.create(historyBits(bits))
}

/**
 * Codes `count` literals at `at`, of whose run `done` came before. The old bytes beside the first
 * `besideCount` of them lie from `beside` on; the others have none.
 */
export function codeLiterals(
  at: usize,
  count: u32,
  beside: usize,
  besideCount: u32,
  done: u32,
): void {
  if (done == 0) history.interrupt()
  for (let i: u32 = 0; i < besideCount; i++) {
    codeLiteral(at + i, load<u8>(beside + i), min<u32>(9, done + i))
  }
  for (let i = besideCount; i < count; i++) codeLiteral(at + i, -1, min<u32>(9, done + i))
}

/** Learns from bytes what the literals will probably be like; `done` of them came before. */
export function primeLiterals(at: usize, count: u32, done: u32): void {
  const mode = observe()
  if (done == 0) forgetRecent()
  codeLiterals(at, count, 0, 0, done)
  setMode(mode)
}

/** A function of its own: an engine compiles it well after some calls, in the middle of a run. */
function codeLiteral(at: usize, old: i32, place: u32): void {
  const recent = recentBytes()
  const guess = history.guess(recent)
  const trust = history.confidence
  const byte = codeByte(
    model,
    bits,
    recent & 0xff,
    recent & 0xffff,
    recent & 0xffffff,
    recent,
    ((<u32>(old + 1) << 16) | shift) * 0x2f0b4c47 + place,
    (<u32>(old + 1) << 8 | (recent & 0xff)) + (u32(place == 0) << 20),
    guess,
    trust,
    old,
    place,
    (u32(place == 0) << 3) + (guess < 0 ? 0 : 1 + (trust >>> 3)),
    load<u8>(at),
  )
  store<u8>(at, byte)
  if (place < 3 && old >= 0) {
    shift = ((byte - old) & 255) | (place == 0 ? 0 : (shift & 255) << 8)
  }
  history.update(recent, byte)
  pushRecent(byte)
}
