import { analyse, pairImages } from './analysis.ts'
import { chooseModes } from './choose-modes.ts'
import { draftSide } from './draft.ts'
import type { PlanInput } from './plan-input.ts'
import { encodeSide, mode } from './side.ts'

/**
 * Describes to a decoder how references are predicted.
 * @returns undefined when there is no executable on both sides or no mode pays
 */
export function planReferences(input: PlanInput): { readonly side: Uint8Array } | undefined {
  const old = analyse(input.old, input.oldFiles)
  const next = analyse(input.next, input.nextFiles)
  const pairs = pairImages(old, next, input.copies)
  if (pairs.length === 0) return undefined
  const draft = draftSide(old, next, pairs)
  const modes = chooseModes(draft, input)
  if (modes.every((run) => run.mode === mode.plain)) return undefined
  return { side: encodeSide({ ...draft.side, modes }) }
}
