import type { ChannelName, Digest, PublishState } from '../../protocol/index.ts'
import { parseTargets } from '../../trust/index.ts'
import { timeText, type TransmitterContext } from '../context.ts'
import { transmitterLimits as limits } from '../limits.ts'

interface TargetsFacts {
  readonly version: number
  readonly manifest: Digest
}

/**
 * Where each retained release is written down: the targets that named it first. Targets never
 * change, so each is read once.
 */
export class ReleaseHistory {
  readonly #context: TransmitterContext
  readonly #known = new Map<ChannelName, Map<number, TargetsFacts>>()

  constructor(context: TransmitterContext) {
    this.#context = context
  }

  /** Oldest first. */
  async list(name: ChannelName): Promise<NonNullable<PublishState['releases']>> {
    const { releases } = this.#context.records
    const retained = await releases.list(name, {
      onlyRetained: true,
      countMax: limits.releasesToldMax,
    })
    const first = await this.#firstVersions(name)
    const listed: NonNullable<PublishState['releases']> = []
    for (const release of [...retained].sort((a, b) => a.release - b.release)) {
      const targetsVersion = first.get(release.manifestDigest)
      if (targetsVersion === undefined) continue
      listed.push({
        release: release.release,
        manifest: release.manifestDigest,
        targetsVersion,
        published: timeText(release.publishedAtMs),
        ...(release.label === undefined ? {} : { label: release.label }),
      })
    }
    return listed
  }

  async #firstVersions(name: ChannelName): Promise<ReadonlyMap<Digest, number>> {
    const { trust } = this.#context.records
    const known = this.#known.get(name) ?? new Map<number, TargetsFacts>()
    const files = (await trust.list(name)).filter((file) => file.role === 'targets')
    for (const { file, version } of files.slice(-2 * limits.releasesToldMax)) {
      if (known.has(version)) continue
      const found = await trust.find(name, file)
      if (found === undefined) continue
      known.set(version, { version, manifest: parseTargets(found.bytes).view.head.sha256 })
    }
    this.#keep(name, known)
    const first = new Map<Digest, number>()
    for (const { version, manifest } of known.values()) {
      first.set(manifest, Math.min(version, first.get(manifest) ?? version))
    }
    return first
  }

  #keep(name: ChannelName, known: Map<number, TargetsFacts>): void {
    this.#known.delete(name)
    this.#known.set(name, known)
    for (const [oldest, facts] of this.#known) {
      if (this.#known.size <= 64) break
      if (facts !== known) this.#known.delete(oldest)
    }
  }
}
