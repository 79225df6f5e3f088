/*
 * Slots of the contexts of byte models (docs/formats/bundle.md, 3.4): a check and the 15 cells of half a byte, in
 * words of 16 bits.
 */

export const slotBytes: usize = 32

/** What is mixed into a context for the second half of a byte; `node` is 0 for the first one. */
@inline
export function besideContext(node: u32): u32 {
  return node * 0x3d4d51cb
}

/** Where the slot of a context is, made new when it was another's. */
@inline
export function locate(table: usize, bits: u32, context: u32, beside: u32): usize {
  let hash = (context + beside) * 0x9e3779b1
  hash = (hash ^ (hash >>> 15)) * 0x85ebca6b
  const slot = table + <usize>(hash >>> (32 - bits)) * slotBytes
  const check = hash & 0xffff
  const first = load<u32>(slot)
  // A cell is never zero once there is one: a slot that was never used is found by that.
  if ((first & 0xffff) != check || first < 0x10000) {
    const fresh = i16x8.splat(<i16>0x8000)
    v128.store(slot, i16x8.replace_lane(fresh, 0, <i16>check))
    v128.store(slot, fresh, 16)
  }
  return slot
}
