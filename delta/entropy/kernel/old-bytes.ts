import { lacksOld } from './states'

/* Old bytes that are at hand: where they lie in the pool, where in memory, and how many. */

let start: i64 = 0
let address: usize = 0
let bytes: i64 = 0
/** The place of the old byte that is lacking. */
let lacking: i64 = 0

export function setNear(from: i64, at: usize, count: i64): void {
  start = from
  address = at
  bytes = count
}

/** How many old bytes from a place on are at hand, at `nearAddress`. */
@inline
export function near(place: i64): i64 {
  const offset = place - start
  return <u64>offset < <u64>bytes ? bytes - offset : 0
}

@inline
export function nearAddress(place: i64): usize {
  return address + <usize>(place - start)
}

/** Says that the old bytes at a place are lacking. */
export function lack(place: i64): u32 {
  lacking = place
  return lacksOld
}

export function lackingPlace(): i64 {
  return lacking
}
