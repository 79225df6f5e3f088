import { displacement32, displacement8, resetFrame } from './frames'
import { near32, near8 } from './jumps'
import { relative32 } from './references'
import { end, lead } from './window'
import { decode, makeCommon } from './x86-common'
import { Field, field, fieldAt, makesRoom, register } from './x86-instruction'

/** Old bytes decoded before the first one, to be in step there. */
const leadBytes: usize = 32

/**
 * Code of x86-64, instruction by instruction as the old bytes decode: the distances of jumps,
 * calls and RIP-relative operands follow the map, displacements follow what the function at hand
 * has shown so far. Returns where the stretch ends: after its last instruction.
 */
export function transformX86(from: usize, to: usize): usize {
  makeCommon()
  let at = from - min(lead, leadBytes)
  while (at < to) {
    const begin = at
    at = decode(begin)
    if (field == Field.none) continue
    if (field == Field.entry) {
      if (begin >= from) resetFrame()
      continue
    }
    if (makesRoom && begin >= from) resetFrame()
    if (fieldAt >= from) transformField(fieldAt, at)
  }
  return min(max(at, to), end)
}

/** A field of the instruction that ends at `next`; one that the window cuts is none. */
@inline
function transformField(at: usize, next: usize): void {
  if (field == Field.displacement8) {
    if (at < end) displacement8(at, register())
  } else if (field == Field.near8) {
    if (at < end) near8(at)
  } else if (at + 4 > end) return
  else if (field == Field.relative32) relative32(at, next)
  else if (field == Field.displacement32) displacement32(at, register())
  else near32(at, next)
}
