import type { ChannelName } from '../../protocol/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** Which releases tuners were seen to hold, by how often; what bundles are made for beforehand. */
export class HeldReleases {
  readonly #held = new Map<ChannelName, Map<number, number>>()

  note(name: ChannelName, release: number): void {
    if (release === 0) return
    const held = this.#held.get(name) ?? new Map<number, number>()
    this.#held.set(name, held)
    held.set(release, (held.get(release) ?? 0) + 1)
    if (held.size <= limits.heldReleasesTracked) return
    const rarest = byCount(held).at(-1)
    if (rarest !== undefined) held.delete(rarest)
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
