import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import { type Reading, type Writing, chunksOf, otherWork } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'

/** Those of the objects that something refers to: a channel, a bundle, an upload under way. */
export async function findReferenced(
  db: Reading | Writing,
  sha256s: readonly Uint8Array[],
): Promise<Set<Digest>> {
  const found = new Set<Digest>()
  for (const group of chunksOf(sha256s, limits.rowsPerStatement)) {
    const rows = await db
      .selectFrom('object_ranges')
      .select('sha256')
      .where('sha256', 'in', group)
      .union((union) =>
        union.selectFrom('upload_objects').select('sha256').where('sha256', 'in', group),
      )
      .union((union) =>
        union
          .selectFrom('bundles')
          .select((select) => select.ref('sha256').$notNull().as('sha256'))
          .where('sha256', 'in', group),
      )
      .union((union) =>
        union
          .selectFrom('bundles')
          .select((select) => select.ref('pending_sha256').$notNull().as('sha256'))
          .where('pending_sha256', 'in', group),
      )
      .execute()
    for (const row of rows) found.add(digestFromBytes(row.sha256))
    await otherWork()
  }
  return found
}

/** Those of the digests that no table knows. */
export async function findUnknown(
  db: Reading | Writing,
  digests: readonly Digest[],
): Promise<Set<Digest>> {
  const unknown = new Set(digests)
  const sha256s = digests.map(bytesOfDigest)
  for (const digest of await findReferenced(db, sha256s)) unknown.delete(digest)
  for (const group of chunksOf(sha256s, limits.rowsPerStatement)) {
    const rows = await db
      .selectFrom('unreferenced_objects')
      .select('sha256')
      .where('sha256', 'in', group)
      .union((union) => union.selectFrom('deletions').select('sha256').where('sha256', 'in', group))
      .execute()
    for (const row of rows) unknown.delete(digestFromBytes(row.sha256))
  }
  return unknown
}
