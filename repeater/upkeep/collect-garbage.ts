import type { ObjectStore } from '../../store/objects/index.ts'
import type { ServerRecords } from '../../store/server-records/index.ts'
import { repeaterLimits as limits } from '../limits.ts'

/**
 * Lets go of what no tuner needs any more: releases beyond the newest few, bundles to older heads,
 * and after a time of grace their objects.
 */
export async function collectGarbage(
  stores: { readonly records: ServerRecords; readonly objects: ObjectStore },
  nowMs: number,
): Promise<{ readonly objects: number }> {
  const { records, objects } = stores
  for (const { name, headRelease } of await records.channels.list()) {
    const retained = await records.releases.list(name, { onlyRetained: true })
    const leaving = retained.slice(limits.retainedReleases).map(({ release }) => release)
    if (leaving.length > 0) await records.retention.endReleases(name, leaving, nowMs)
    for (const bundle of await records.bundles.list(name)) {
      if (bundle.toRelease < headRelease) await records.bundles.delete(bundle, nowMs)
    }
  }
  await records.uploads.expire(nowMs)
  await records.retention.dropReferences(nowMs)
  await records.retention.dropTrustFiles(nowMs - limits.graceMs)
  const removed = await records.retention.deleteObjects(nowMs, async (digests) => {
    for (const digest of digests) await objects.delete(digest)
  })
  return { objects: removed }
}
