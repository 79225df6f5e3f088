import { nextCellsAt } from './memory'

/*
 * Slots of the contexts of byte models (docs/formats/bundle.md, 3.4): a check and the 15 cells of half a byte, in
 * words of 16 bits. A cell has its 4 bits of visits above the 12 bits of probability: those that were
 * visited most lie together in the table of what they become.
 */

const visitsMax: u32 = 15
const freshCell: u32 = 0x0800
/** What cells become after a one lies behind what they become after a zero. */
const nextAfterOne: usize = 65536 * 2

export const slotBytes: usize = 32

/** What is mixed into a context for the second half of a byte; `node` is 0 for the first one. */
@inline
export function besideContext(node: u32): u32 {
  return node * 0x3d4d51cb
}

/** Fills the table of what cells become. */
export function fillNextCells(): void {
  for (let visits: u32 = 0; visits <= visitsMax; visits++) {
    const step: i32 = 131072 / (2 * visits + 3)
    const visited = min(visitsMax, visits + 1) << 12
    let at = nextAt(visits << 12, 0)
    for (let p: i32 = 0; p < 4096; p++) {
      store<u16>(at, visited | (p + ((-p * step) >> 16)))
      store<u16>(at + nextAfterOne, visited | (p + (((4095 - p) * step) >> 16)))
      at += 2
    }
  }
}

/** Of a one, 12 bits. */
@inline
export function probabilityOf(cell: u32): u32 {
  return cell & 0xfff
}

@inline
function nextAt(cell: u32, bit: u32): usize {
  return nextCellsAt + <usize>bit * nextAfterOne + (<usize>cell << 1)
}

/** Lets the cell at an address learn a bit. */
@inline
export function moveSlotCell(address: usize, cell: u32, bit: u32): void {
  store<u16>(address, load<u16>(nextAt(cell, bit)))
}

/** Where the slot of a context is, made new when it was another's. */
@inline
export function locate(table: usize, bits: u32, context: u32, beside: u32): usize {
  let hash = (context + beside) * 0x9e3779b1
  hash = (hash ^ (hash >>> 15)) * 0x85ebca6b
  const slot = table + <usize>(hash >>> (32 - bits)) * slotBytes
  const check = hash & 0xffff
  const first = load<u32>(slot)
  // A cell is never zero once there is one: a slot that was never used is known by that.
  if ((first & 0xffff) != check || first < 0x10000) {
    const fresh = i16x8.splat(<i16>freshCell)
    v128.store(slot, i16x8.replace_lane(fresh, 0, <i16>check))
    v128.store(slot, fresh, 16)
  }
  return slot
}
