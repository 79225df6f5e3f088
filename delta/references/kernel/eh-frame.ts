import { contextBytes } from './memory'
import { unknown } from './numbers'
import { found, moved, relative32 } from './references'
import { end, field32, here, old32, old8, oldAddress } from './window'

const recordBytesMax = 4096
const growthMax: i64 = 2048

/**
 * Unwind records of .eh_frame (Linux Standard Base, exception frames): the distance to the common
 * record, the start of the function, its length, and the address of its exception table. A record
 * is believed when the next one points to the same common record. Returns where the stretch ends:
 * after its last field.
 */
export function transformEhFrame(from: usize, to: usize): usize {
  let done = from
  // Records start at addresses that are divisible by 4.
  let at = from + <usize>(-(oldAddress + <i64>from) & 3)
  while (at < to) {
    const length = recordLength(at)
    if (length == 0) {
      at += 4
      continue
    }
    done = record(at)
    at += <usize>length + 4
  }
  return min(max(done, to), end)
}

function recordLength(at: usize): i32 {
  if (at + 20 > end) return 0
  const length = old32(at)
  const common = old32(at + 4)
  if (length < 16 || length > recordBytesMax || (length & 3) != 0 || common < 4) return 0
  const next = at + 4 + <usize>length
  if (next + 8 > end + contextBytes) return 0
  const following = old32(next + 4)
  return following == 0 || <i64>following == <i64>common + <i64>length + 4 ? length : 0
}

/** Transforms the fields after the length; returns the index after the last one. */
function record(at: usize): usize {
  const common = at + 4
  const distance = old32(common)
  const target = oldAddress + <i64>common - <i64>distance
  const there = moved(target)
  const from = here(common)
  const actual = field32(common, there == unknown ? distance : <i32>(from - there))
  found(target, there, from - <i64>actual)
  const begin = oldAddress + <i64>at + 8 + <i64>old32(at + 8)
  if (!relative32(at + 8, at + 8)) return at + 8
  const length = old32(at + 12)
  field32(at + 12, grown(begin, length))
  if (old8(at + 16) != 4 || at + 21 > end || old32(at + 17) == 0) return at + 16
  return relative32(at + 17, at + 17) ? at + 21 : at + 17
}

/** The length of a function whose first and last byte are expected somewhere. */
function grown(begin: i64, length: i32): i32 {
  const first = moved(begin)
  const last = moved(begin + <i64>length - 1)
  if (first == unknown || last == unknown) return length
  const wanted = last + 1 - first
  return abs(wanted - <i64>length) <= growthMax ? <i32>wanted : length
}
