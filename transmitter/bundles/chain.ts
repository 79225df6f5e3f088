import type { BundleOffer } from '../../protocol/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

interface Reached {
  readonly bytes: number
  readonly steps: readonly BundleOffer[]
}

/**
 * The cheapest chain of at least two bundles from one release to another. Releases only go up, so
 * one pass in order of the releases settles each.
 */
export function cheapestChain(
  bundles: readonly BundleOffer[],
  from: number,
  to: number,
): readonly BundleOffer[] | undefined {
  const reached = new Map<number, Reached>()
  reached.set(from, { bytes: 0, steps: [] })
  for (const step of [...bundles].sort((a, b) => a.from - b.from || a.to - b.to)) {
    const before = reached.get(step.from)
    if (before === undefined || before.steps.length >= limits.chainStepsMax) continue
    if (step.to > to || (step.from === from && step.to === to)) continue
    const bytes = before.bytes + step.bytes
    const known = reached.get(step.to)
    if (known !== undefined && known.bytes <= bytes) continue
    reached.set(step.to, { bytes, steps: [...before.steps, step] })
  }
  const chain = reached.get(to)?.steps
  return chain !== undefined && chain.length >= 2 ? chain : undefined
}
