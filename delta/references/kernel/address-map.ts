import { take } from './memory'
import { unknown } from './numbers'

/**
 * Where old addresses went: tiles that cover the address line from 0 to `limit` without gaps.
 * A tile is two 64-bit numbers: 2 × its end + whether a piece of the map covers it, and its move.
 */
const tileBytes: usize = 16
/** Pages are as small as they may be while there are not too many. */
const pageShiftMin: i64 = 8
const pagesMax: i64 = 1 << 16

let tiles: usize = 0
let tilesEnd: usize = 0
/** For each page of addresses the first tile that reaches into it. */
let pages: usize = 0
let pageShift: i64 = pageShiftMin
let limit: i64 = 0

/** Whether the address that was last asked for lies in a piece of the map, not only near one. */
export let covered: bool = true

/** Takes room for a map of so many tiles, the last of which ends at `end`. */
export function openMap(count: u32, end: f64): void {
  limit = <i64>end
  tiles = take(<usize>count * tileBytes)
  tilesEnd = tiles
  while (limit >> pageShift >= pagesMax) pageShift++
  pages = take((<usize>(limit >> pageShift) + 1) << 2)
}

/** @param move NaN when nothing is known */
export function addTile(end: f64, move: f64, sure: bool): void {
  store<i64>(tilesEnd, (<i64>end << 1) | (sure ? 1 : 0))
  store<i64>(tilesEnd, isNaN(move) ? unknown : <i64>move, 8)
  tilesEnd += tileBytes
}

/** Makes the map ready once all tiles are there. */
export function closeMap(): void {
  let tile: u32 = 0
  const last = <u32>((tilesEnd - tiles) / tileBytes) - 1
  for (let page: i64 = 0; page << pageShift < limit; page++) {
    const passed = (page << (pageShift + 1)) | 1
    while (tile < last && load<i64>(tiles + <usize>tile * tileBytes) <= passed) tile++
    store<u32>(pages + (<usize>page << 2), tile)
  }
}

/** How far an address moved; `unknown` when it is not loaded or nothing is known. */
export function moveOf(address: i64): i64 {
  if (<u64>address >= <u64>limit) {
    covered = true
    return unknown
  }
  const page = <usize>(address >> pageShift)
  let tile = tiles + <usize>load<u32>(pages + (page << 2)) * tileBytes
  const passed = (address << 1) | 1
  while (load<i64>(tile) <= passed) tile += tileBytes
  covered = (load<u8>(tile) & 1) != 0
  return load<i64>(tile, 8)
}
