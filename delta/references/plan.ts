import { isLongwaveError } from '../../protocol/index.ts'
import { analyse, pairImages } from './analysis.ts'
import { chooseModes } from './choose-modes.ts'
import { draftSide } from './draft.ts'
import { referenceLimits } from './limits.ts'
import type { PlanInput } from './plan-input.ts'
import { encodeSide, mode, parseSide } from './side.ts'

/**
 * Describes to a decoder how references are predicted.
 * @returns undefined when there is no executable on both sides, no mode pays, or the files go
 * beyond what a decoder accepts
 */
export function planReferences(input: PlanInput): { readonly side: Uint8Array } | undefined {
  const sizes = { old: input.old.length, next: input.next.length }
  if (Math.max(sizes.old, sizes.next) > referenceLimits.fileBytesMax) return undefined
  const old = analyse(input.old, input.oldFiles)
  const next = analyse(input.next, input.nextFiles)
  const pairs = pairImages(old, next, input.copies)
  if (pairs.length === 0) return undefined
  const draft = draftSide(old, next, pairs)
  const modes = chooseModes(draft, input)
  if (modes.every((run) => run.mode === mode.plain)) return undefined
  const side = encodeSide({ ...draft.side, modes })
  return accepted(side, sizes) ? { side } : undefined
}

/** Whether a decoder takes it: headers may describe more than its limits allow. */
function accepted(side: Uint8Array, sizes: { readonly old: number; readonly next: number }) {
  try {
    parseSide(side, sizes)
    return true
  } catch (error) {
    if (isLongwaveError(error, 'LW_DELTA_REFERENCES')) return false
    throw error
  }
}
