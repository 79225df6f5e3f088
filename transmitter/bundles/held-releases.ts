import type { ChannelName } from '../../protocol/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/**
 * Which releases tuners were seen to hold, by how often; what bundles are made for beforehand. In
 * bounds: a newcomer takes the place and the count of the rarest, so that a frequent one gets in
 * whenever it comes (the Space-Saving algorithm).
 */
export class HeldReleases {
  readonly #held = new Map<ChannelName, Map<number, number>>()

  note(name: ChannelName, release: number): void {
    if (release === 0) return
    const held = this.#held.get(name) ?? new Map<number, number>()
    this.#held.set(name, held)
    const known = held.get(release)
    if (known !== undefined || held.size < limits.heldReleasesTracked) {
      held.set(release, (known ?? 0) + 1)
      return
    }
    const rarest = byCount(held).at(-1) ?? 0
    held.set(release, (held.get(rarest) ?? 0) + 1)
    held.delete(rarest)
  }

  /** The most frequent ones first; the counting starts again. */
  take(name: ChannelName): readonly number[] {
    const held = this.#held.get(name)
    this.#held.delete(name)
    return held === undefined ? [] : byCount(held).slice(0, limits.heldReleasesPrepared)
  }
}

function byCount(held: ReadonlyMap<number, number>): number[] {
  return [...held].sort((a, b) => b[1] - a[1] || b[0] - a[0]).map(([release]) => release)
}
