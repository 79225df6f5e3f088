// A table of strings of bytes, all of one length, by their hash: which strings there are, and the first and
// the last place at which each was seen. Bytes come through a window; places are positions in what the
// window is a part of. rolling-hash.ts computes the same hashes.

const multiplier: u32 = 0x2c1b3c6d
const scatter: u32 = 0x9e3779b1
const nowhere: i32 = -1

let stringBytes: i32 = 0
/** What a byte still counts when it leaves the string: multiplier to the power of `stringBytes`. */
let leaving: u32 = 0
let shift: u32 = 0
let mask: u32 = 0
/** Strings that may still be taken in: a quarter of the slots stays free. */
let left: u32 = 0
/** A hash for each slot, 0 for none. */
let keys: usize = 0
let firsts: usize = 0
let lasts: usize = 0
/** Eight bits for each slot: a set one says that a string with this hash may be there. */
let filter: usize = 0

/** Makes an empty table of 2^slotBits slots in memory that is all zero. */
export function setUp(length: i32, slotBits: i32, keysAt: usize, firstsAt: usize, lastsAt: usize, filterAt: usize): void {
  stringBytes = length
  leaving = 1
  for (let i = 0; i < length; i++) leaving *= multiplier
  shift = 32 - slotBits
  mask = (1 << slotBits) - 1
  left = 3 << (slotBits - 2)
  keys = keysAt
  firsts = firstsAt
  lasts = lastsAt
  filter = filterAt
}

@inline function hashAt(at: usize): u32 {
  let hash: u32 = 0
  for (let i = 0; i < stringBytes; i++) hash = hash * multiplier + load<u8>(at + i) + 1
  return hash
}

@inline function rolled(hash: u32, at: usize): u32 {
  return hash * multiplier + load<u8>(at + stringBytes) + 1 - (<u32>load<u8>(at) + 1) * leaving
}

/** Keys are never 0, which marks a free slot. */
@inline function keyOf(hash: u32): u32 {
  return hash == 0 ? 1 : hash
}

@inline function mixed(hash: u32): u32 {
  return (hash ^ (hash >>> 15)) * scatter
}

@inline function bitOf(mix: u32): u32 {
  return 1 << ((mix >>> (shift - 3)) & 7)
}

/** The slot of a hash; a free one is taken for it, or nowhere when the table is full. */
@inline function taken(hash: u32): i32 {
  const key = keyOf(hash)
  const mix = mixed(key)
  let slot = mix >>> shift
  const bits = filter + slot
  store<u8>(bits, load<u8>(bits) | bitOf(mix))
  let known = load<u32>(keys + (slot << 2))
  while (known != key && known != 0) {
    slot = (slot + 1) & mask
    known = load<u32>(keys + (slot << 2))
  }
  if (known == key) return slot
  if (left == 0) return nowhere
  left--
  store<u32>(keys + (slot << 2), key)
  store<i32>(firsts + (slot << 2), nowhere)
  store<i32>(lasts + (slot << 2), nowhere)
  return slot
}

/** The slot of a hash, or nowhere when the string is unknown. */
@inline function found(hash: u32): i32 {
  const key = keyOf(hash)
  const mix = mixed(key)
  let slot = mix >>> shift
  if ((load<u8>(filter + slot) & bitOf(mix)) == 0) return nowhere
  let known = load<u32>(keys + (slot << 2))
  while (known != key && known != 0) {
    slot = (slot + 1) & mask
    known = load<u32>(keys + (slot << 2))
  }
  return known == 0 ? nowhere : slot
}

@inline function see(slot: u32, place: i32): void {
  const first = firsts + (slot << 2)
  if (load<i32>(first) < 0) store<i32>(first, place)
  else store<i32>(lasts + (slot << 2), place)
}

/** Every `step`-th string of the window's bytes from `start` to `end` is wanted. */
export function want(start: usize, end: usize, step: usize): void {
  const last = end - stringBytes
  let hash = hashAt(start)
  taken(hash)
  let next = start + step
  for (let at = start; at < last; ) {
    hash = rolled(hash, at++)
    if (at != next) continue
    taken(hash)
    next += step
  }
}

/** Every `step`-th string from `start` to `end` is taken in with its place; `start` has the place `origin`. */
export function sample(start: usize, end: usize, step: usize, origin: i32): void {
  for (let at = start; at + stringBytes <= end; at += step) {
    const slot = taken(hashAt(at))
    if (slot >= 0) see(slot, origin + <i32>(at - start))
  }
}

/** Wanted strings from `start` to `end` get their places. */
export function locate(start: usize, end: usize, origin: i32): void {
  const last = end - stringBytes
  let hash = hashAt(start)
  for (let at = start; at <= last; at++) {
    const slot = found(hash)
    if (slot >= 0) see(slot, origin + <i32>(at - start))
    hash = rolled(hash, at)
  }
}

/** Lists the slots and offsets of wanted strings from `start` to `end`, in pairs; returns how many there are. */
export function list(start: usize, end: usize, pairs: usize): i32 {
  const last = end - stringBytes
  let hash = hashAt(start)
  let count = 0
  for (let at = start; at <= last; at++) {
    const slot = found(hash)
    if (slot >= 0) {
      store<i32>(pairs + (count << 3), slot)
      store<i32>(pairs + (count << 3), <i32>(at - start), 4)
      count++
    }
    hash = rolled(hash, at)
  }
  return count
}

/** From now on the filter lets only strings through that have a place. */
export function refine(): void {
  memory.fill(filter, 0, mask + 1)
  for (let slot: u32 = 0; slot <= mask; slot++) {
    const key = load<u32>(keys + (slot << 2))
    if (key == 0 || load<i32>(firsts + (slot << 2)) < 0) continue
    const mix = mixed(key)
    const at = filter + (mix >>> shift)
    store<u8>(at, load<u8>(at) | bitOf(mix))
  }
}
