import { counts, given, old, result, start } from './memory'

const laneBytes: usize = 16
const cellBytes: i64 = 512

/** Differences between new and old bytes, for a whole window; fields are written over them. */
export function subtractOld(end: usize): void {
  for (let at = start; at < end; at += laneBytes) {
    v128.store(at, i8x16.sub(v128.load(at, given), v128.load(at, old)), result)
  }
}

/** New bytes from differences to the old ones, likewise. */
export function addOld(end: usize): void {
  for (let at = start; at < end; at += laneBytes) {
    v128.store(at, i8x16.add(v128.load(at, given), v128.load(at, old)), result)
  }
}

/** Counts, for each cell that the window touches, the bytes that differ from what was predicted. */
export function countDiffering(position: i64, end: usize): void {
  let count = counts
  let stop = start + <usize>(cellBytes - (position & (cellBytes - 1)))
  for (let at = start; at < end; stop += <usize>cellBytes) {
    const to = min(stop, end)
    let differing: i32 = 0
    const zero = i8x16.splat(0)
    for (; at + laneBytes <= to; at += laneBytes) {
      differing += popcnt(i8x16.bitmask(i8x16.ne(v128.load(at, result), zero)))
    }
    for (; at < to; at++) differing += load<u8>(at, result) != 0 ? 1 : 0
    store<u16>(count, differing)
    count += 2
  }
}
