import { outputAt, outputRoom } from './memory'

/* The output of the current file: what of it waits in the room, and its last four bytes. */

/** Where the next byte goes. */
let next: usize = outputAt
/** The last four bytes of output, the last one lowest. */
let recent: u32 = 0

@inline
export function recentBytes(): u32 {
  return recent
}

@inline
export function outputNext(): usize {
  return next
}

@inline
export function outputLeft(): u32 {
  return <u32>(outputAt + outputRoom - next)
}

/** Bytes that wait in the room. */
export function outputFilled(): u32 {
  return <u32>(next - outputAt)
}

/** What waited was taken. */
export function emptyOutput(): void {
  next = outputAt
}

export function forgetRecent(): void {
  recent = 0
}

@inline
export function pushRecent(byte: u32): void {
  recent = (recent << 8) | byte
}

/** Counts bytes that were written at `outputNext`; `pushTail` says which they were. */
@inline
export function advanceOutput(count: u32): void {
  next += count
}

/** Takes the last of `count` bytes that end at `end` as the recent ones. */
export function pushTail(end: usize, count: u32): void {
  if (count >= 4) recent = bswap(load<u32>(end - 4))
  else for (let at = end - count; at < end; at++) pushRecent(load<u8>(at))
}

/** Copies bytes that do not overlap; up to 15 behind them may be written, too. */
@inline
export function copyBytes(to: usize, from: usize, count: u32): void {
  if (count > 256) memory.copy(to, from, count)
  else for (let i: u32 = 0; i < count; i += 16) v128.store(to + i, v128.load(from + i))
}
