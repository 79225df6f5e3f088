import { stepsAt } from './memory'
import { codeBit } from './range-coder'

/*
 * Cells of docs/formats/bundle.md, 3.1: 22 bits of probability above 10 bits of visits. They are stored with the
 * highest bit turned around, so that a cell of zeros is one half, never visited.
 */
export const turned: u32 = 0x80000000

/** Codes a bit with the cell at an address; `most` bounds the visits that it counts. */
export function codeCell(address: usize, bit: u32, most: u32): u32 {
  const cell = load<u32>(address)
  const coded = codeBit(bit, probability(cell ^ turned))
  store<u32>(address, cell + move(cell ^ turned, coded, most))
  return coded
}

/** Of a one, in 1/65536. */
@inline
export function probability(cell: u32): u32 {
  return min<u32>(65534, max<u32>(1, cell >>> 16))
}

/** What a bit adds to a cell. */
@inline
export function move(cell: u32, bit: u32, most: u32): u32 {
  const visits = cell & 1023
  const error = <i32>((bit << 22) - (cell >>> 10)) >> 3
  return ((<u32>error * load<u32>(stepsAt + (<usize>visits << 2))) & 0xfffffc00) + u32(visits < most)
}
