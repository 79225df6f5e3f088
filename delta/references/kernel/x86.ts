import { displacement32, displacement8, resetFrame } from './frames'
import { near32, near8 } from './jumps'
import { relative32 } from './references'
import { end, lead } from './window'
import { decode, entry, Field, field, fieldAt, register } from './x86-instruction'

/** Old bytes decoded before the first one, to be in step there. */
const leadBytes: usize = 32

/**
 * Code of x86-64, instruction by instruction as the old bytes decode: the distances of jumps,
 * calls and RIP-relative operands follow the map, displacements follow what the function at hand
 * has shown so far. Returns where the stretch ends: after its last instruction.
 */
export function transformX86(from: usize, to: usize): usize {
  let at = from - min(lead, leadBytes)
  while (at < to) {
    const next = decode(at)
    if (entry && at >= from) resetFrame()
    at = next
    if (field == Field.none) continue
    const where = fieldAt
    if (where < from) continue
    if (field == Field.near8) {
      if (where < end) near8(where)
    } else if (field == Field.displacement8) {
      if (where < end) displacement8(where, register)
    } else if (where + 4 <= end) {
      if (field == Field.displacement32) displacement32(where, register)
      else if (field == Field.relative32) relative32(where, next)
      else near32(where, next)
    }
  }
  return min(max(at, to), end)
}
