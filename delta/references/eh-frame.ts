import type { Window } from './window.ts'

const recordBytesMax = 4096
const growthMax = 2048

/**
 * Unwind records of .eh_frame (Linux Standard Base, exception frames): the distance to the common
 * record, the start of the function, its length, and the address of its exception table. A record
 * is believed when the next one points to the same common record.
 */
export function transformEhFrame(window: Window, from: number, to: number): number {
  const { end } = window
  let done = from
  // Records start at addresses that are divisible by 4.
  let at = from + ((4 - ((window.oldAddress + from) % 4)) % 4)
  while (at < to) {
    const length = recordLength(window, at)
    if (length === 0) {
      at += 4
      continue
    }
    window.plain(done, at + 4)
    done = record(window, at)
    at += length + 4
  }
  const stop = Math.min(Math.max(done, to), end)
  window.plain(done, stop)
  return stop
}

function recordLength(window: Window, at: number): number {
  if (at + 20 > window.end) return 0
  const length = window.old32(at)
  const common = window.old32(at + 4)
  if (length < 16 || length > recordBytesMax || length % 4 !== 0 || common < 4) return 0
  const next = at + 4 + length
  if (next + 8 > window.old.length) return 0
  const following = window.old32(next + 4)
  return following === common + length + 4 || following === 0 ? length : 0
}

/** Transforms the fields after the length; returns the index after the last one. */
function record(window: Window, at: number): number {
  const common = at + 4
  const distance = window.old32(common)
  const target = window.oldAddress + common - distance
  const moved = window.moved(target)
  const expected = Number.isNaN(moved) ? distance : window.here(common) - moved
  const actual = window.field32(common, expected | 0)
  window.found(target, moved, window.here(common) - actual)
  const begin = window.oldAddress + at + 8 + window.old32(at + 8)
  if (!window.relative32(at + 8, at + 8)) return at + 8
  const length = window.old32(at + 12)
  const grown = window.moved(begin + length - 1) + 1 - window.moved(begin)
  window.field32(at + 12, Math.abs(grown - length) <= growthMax ? grown : length)
  if (window.old[at + 16] !== 4 || at + 21 > window.end || window.old32(at + 17) === 0)
    return at + 16
  window.plain(at + 16, at + 17)
  return window.relative32(at + 17, at + 17) ? at + 21 : at + 17
}
