import { randomUUID } from 'node:crypto'
import type { ChannelName, Digest } from '../../protocol/index.ts'
import type { ObjectRecord, UploadRecord } from '../../store/server-records/index.ts'
import type { MirrorContext } from '../context.ts'
import { repeaterLimits as limits } from '../limits.ts'

/**
 * The lease under which the objects of a release come into the store, before the channel refers to
 * them: nothing that was counted as present is deleted meanwhile. One for each manifest, so that a
 * broken mirroring goes on where it stopped.
 */
export class ReleaseUpload {
  readonly #context: MirrorContext
  readonly record: UploadRecord

  private constructor(context: MirrorContext, record: UploadRecord) {
    this.#context = context
    this.record = record
  }

  static async open(
    context: MirrorContext,
    name: ChannelName,
    manifest: Digest,
  ): Promise<ReleaseUpload> {
    const { uploads } = context.records
    const nowMs = context.clock.now()
    const expiresAtMs = nowMs + limits.uploadLifetimeMs
    const found = await uploads.findOpen(name, manifest)
    if (found !== undefined) {
      await uploads.extend(found.id, expiresAtMs)
      return new ReleaseUpload(context, found)
    }
    const upload = {
      id: randomUUID(),
      channel: name,
      manifestDigest: manifest,
      baseTargetsVersion: 0,
      createdAtMs: nowMs,
      expiresAtMs,
    }
    await uploads.create(upload)
    return new ReleaseUpload(context, { ...upload, state: 'open' })
  }

  /**
   * Leases what neither the channel refers to nor this upload has delivered, and returns those of
   * them that the store lacks as well.
   * @throws LW_STORE_OBJECT_LEAVING when one is being deleted right now: try again
   */
  async lease(objects: ReadonlyMap<Digest, number>): Promise<readonly Digest[]> {
    const { records, objects: store } = this.#context
    const { id } = this.record
    const wanted = [...(await records.uploads.missing(id, [...objects.keys()]))]
    for (let at = 0; at < wanted.length; at += limits.leaseGroup) {
      const group = wanted.slice(at, at + limits.leaseGroup)
      const rows = group.map((digest): ObjectRecord => ({ digest, size: objects.get(digest) ?? 0 }))
      await records.uploads.lease(id, rows)
    }
    const lacking = await store.missing(objects.keys())
    await this.delivered(wanted.filter((digest) => !lacking.has(digest)))
    return [...lacking]
  }

  async delivered(digests: readonly Digest[]): Promise<void> {
    for (let at = 0; at < digests.length; at += limits.leaseGroup) {
      const group = digests.slice(at, at + limits.leaseGroup)
      await this.#context.records.uploads.delivered(this.record.id, group)
    }
  }
}
