import type { ChannelName, Digest } from '../../protocol/index.ts'
import type { ObjectRecord, ReleaseRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** What a release adds to another, object by object. */
export interface WholeCost {
  readonly objects: number
  /** Bytes with every object compressed where that is ready. */
  readonly bytes: number
  /** Bytes of the objects as they are. */
  readonly plainBytes: number
}

interface Remembered {
  readonly atMs: number
  readonly cost: Promise<WholeCost>
}

/**
 * What fetching object by object costs. Many tuners ask the same at the same time, so answers are
 * remembered for some seconds.
 */
export class WholeBytes {
  readonly #context: TransmitterContext
  readonly #remembered = new Map<string, Remembered>()

  constructor(context: TransmitterContext) {
    this.#context = context
  }

  async between(name: ChannelName, from: number, next: ReleaseRecord): Promise<WholeCost> {
    const key = `${name} ${from} ${next.release}`
    const nowMs = this.#context.clock.now()
    const known = this.#remembered.get(key)
    if (known !== undefined && Math.abs(nowMs - known.atMs) < limits.wholeBytesMemoryMs) {
      return known.cost
    }
    const cost = this.#count(name, from, next)
    cost.catch(() => this.#remembered.delete(key))
    this.#remembered.delete(key)
    this.#remembered.set(key, { atMs: nowMs, cost })
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= limits.wholeBytesPairsMax) break
      this.#remembered.delete(oldest)
    }
    return cost
  }

  async #count(name: ChannelName, from: number, next: ReleaseRecord): Promise<WholeCost> {
    const { records, compressor } = this.#context
    const added = await addedObjects(records.releases, name, from, next)
    const cost = { objects: added.length, bytes: 0, plainBytes: 0 }
    let lookups = 0
    for (const { digest, size } of added) {
      const isTold = compressor.isKnown(digest) || size < limits.compressBytesMin
      const mayLook = !isTold && lookups < limits.variantLookupsMax
      if (mayLook) lookups++
      cost.bytes += (await compressor.sizeOf(digest, mayLook)) ?? size
      cost.plainBytes += size
    }
    return cost
  }
}

/** Objects of a release that the other one has not; its manifest is one of them. */
async function addedObjects(
  ...[releases, name, from, next]: [
    TransmitterContext['records']['releases'],
    ChannelName,
    number,
    ReleaseRecord,
  ]
): Promise<readonly ObjectRecord[]> {
  const held = new Set<Digest>()
  if (from > 0) {
    for await (const object of releases.objects(name, from)) held.add(object.digest)
  }
  const added: ObjectRecord[] = []
  for await (const object of releases.objects(name, next.release)) {
    if (!held.has(object.digest)) added.push(object)
  }
  return added
}
