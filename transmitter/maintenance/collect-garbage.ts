import path from 'node:path'
import type { ChannelName, Digest } from '../../protocol/index.ts'
import { nodeRandomness, removeIfPresent, temporaryName } from '../../store/durable-files/index.ts'
import type { ListedObject, ObjectStore } from '../../store/objects/index.ts'
import { openServerRecords, type ServerRecords } from '../../store/server-records/index.ts'
import { isUsefulBundle } from '../bundles/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { type OpenStore, openStore, type StoreOptions } from './open-store.ts'

export interface GarbageOptions {
  /** Releases that stay retained, the head included. */
  readonly retainedReleases?: number
  /** Only counts what would go. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

export interface GarbageSummary {
  readonly dryRun: boolean
  /** Releases that left retention; their objects stay for the grace time. */
  readonly releases: number
  readonly uploads: number
  readonly bundles: number
  readonly metadataFiles: number
  /** Objects that nobody knew of. */
  readonly orphans: number
  /** Objects whose bytes are gone, orphans included. */
  readonly objects: number
  readonly bytes: number
}

/** Frees what no reader needs any more; safe while transmitters serve the data. */
export async function collectGarbage(
  options: StoreOptions & GarbageOptions,
): Promise<GarbageSummary> {
  await using store = await openStore(options)
  return await collectGarbageOf(store, options)
}

/**
 * The same for a store that is open. A dry run does all of it on a copy of the records and leaves
 * the objects alone.
 */
export async function collectGarbageOf(
  store: Pick<OpenStore, 'fs' | 'directory' | 'clock' | 'records' | 'objects'>,
  options: GarbageOptions = {},
): Promise<GarbageSummary> {
  if (options.dryRun !== true) return new Collection(store, options, false).run()
  const copy = path.join(store.directory, `${temporaryName(nodeRandomness)}.db`)
  try {
    await store.records.backup(copy)
    await using records = await openServerRecords({ url: `sqlite:${copy}` })
    return await new Collection({ ...store, records }, options, true).run()
  } finally {
    for (const suffix of ['', '-wal', '-shm']) await removeIfPresent(store.fs, copy + suffix)
  }
}

class Collection {
  readonly #records: ServerRecords
  readonly #objects: ObjectStore
  readonly #nowMs: number
  readonly #options: GarbageOptions
  readonly #isDry: boolean

  constructor(
    ...[store, options, isDry]: [
      Pick<OpenStore, 'records' | 'objects' | 'clock'>,
      GarbageOptions,
      boolean,
    ]
  ) {
    this.#records = store.records
    this.#objects = store.objects
    this.#nowMs = store.clock.now()
    this.#options = options
    this.#isDry = isDry
  }

  async run(): Promise<GarbageSummary> {
    const { uploads: uploadRecords, retention, channels } = this.#records
    const uploads = await uploadRecords.expire(this.#nowMs)
    let releases = 0
    let bundles = 0
    for (const { name, headRelease } of await channels.list()) {
      this.#options.signal?.throwIfAborted()
      const retained = await this.#retained(name)
      releases += await this.#endReleases(name, retained)
      bundles += await this.#dropBundles(name, { headRelease, retained: new Set(retained) })
    }
    await retention.dropReferences(this.#nowMs)
    // Publishers look up old targets as long as their releases can be reverted to.
    const metadataFiles = await retention.dropTrustFiles(this.#nowMs - limits.graceMs, ['snapshot'])
    const orphans = await this.#handOverOrphans()
    const deleted = await this.#deleteObjects()
    const dryRun = this.#isDry
    const counts = { releases, uploads: uploads.length, bundles, metadataFiles, orphans }
    return { dryRun, ...counts, ...deleted }
  }

  /** Numbers of the releases that stay, the newest first. */
  async #retained(name: ChannelName): Promise<readonly number[]> {
    const count = Math.max(1, this.#options.retainedReleases ?? limits.retainedReleases)
    const retained = await this.#records.releases.list(name, { onlyRetained: true })
    return retained.slice(0, count).map((release) => release.release)
  }

  async #endReleases(name: ChannelName, retained: readonly number[]): Promise<number> {
    const { releases, retention } = this.#records
    const stays = new Set(retained)
    const all = await releases.list(name, { onlyRetained: true })
    const leaving = all.map((release) => release.release).filter((number) => !stays.has(number))
    if (leaving.length === 0) return 0
    return (await retention.endReleases(name, leaving, this.#nowMs)).releases
  }

  async #dropBundles(
    name: ChannelName,
    channel: { readonly headRelease: number; readonly retained: ReadonlySet<number> },
  ): Promise<number> {
    let dropped = 0
    for (const bundle of await this.#records.bundles.list(name)) {
      if (isUsefulBundle(bundle, channel)) continue
      await this.#records.bundles.delete(bundle, this.#nowMs)
      dropped++
    }
    return dropped
  }

  /** Bytes that a crash left before the records knew of them. */
  async #handOverOrphans(): Promise<number> {
    let orphans = 0
    for await (const group of groupsOf(this.#objects.list())) {
      this.#options.signal?.throwIfAborted()
      const old = group.filter((object) => this.#nowMs - object.storedAtMs >= limits.orphanAgeMs)
      const unknown = await this.#records.retention.unknown(old.map((object) => object.digest))
      const found = old.filter((object) => unknown.has(object.digest))
      if (found.length > 0) await this.#records.retention.addUnreferenced(found, this.#nowMs)
      orphans += found.length
    }
    return orphans
  }

  async #deleteObjects(): Promise<{ readonly objects: number; readonly bytes: number }> {
    let bytes = 0
    const remove = async (digests: readonly Digest[]): Promise<void> => {
      for (const digest of digests) {
        bytes += (await this.#objects.size(digest)) ?? 0
        if (!this.#isDry) await this.#objects.delete(digest)
      }
    }
    const objects = await this.#records.retention.deleteObjects(this.#nowMs, remove)
    return { objects, bytes }
  }
}

/** Listed objects in groups, to be looked up together. */
export async function* groupsOf(
  objects: AsyncIterable<ListedObject>,
): AsyncGenerator<readonly ListedObject[]> {
  let group: ListedObject[] = []
  for await (const object of objects) {
    group.push(object)
    if (group.length < limits.orphanGroup) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
