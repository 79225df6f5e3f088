import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import { findReferenced } from './known-objects.ts'
import { type RecordsDatabase, type Writing, insertRows } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'

export interface ObjectDeletion {
  /** Who deletes: one process. */
  readonly worker: string
  readonly nowMs: number
  /** Whether all marks that are found are interrupted ones. */
  readonly isAlone: boolean
  remove(digests: readonly Digest[]): Promise<void>
}

/** Deletes group by group until nothing is due; returns how many objects. */
export async function deleteObjects(
  database: RecordsDatabase,
  deletion: ObjectDeletion,
): Promise<number> {
  for (let deleted = 0; ; ) {
    const marked = await database.transaction((tx) => markGroup(tx, deletion))
    if (marked === undefined) return deleted
    // From here until they are forgotten nobody can lease these, so nobody can count on them.
    await deletion.remove(marked)
    await database.transaction((tx) => forgetGroup(tx, deletion.worker, marked))
    deleted += marked.length
  }
}

/** Marks a group that nobody refers to; undefined when nothing is due. */
async function markGroup(
  tx: Writing,
  deletion: ObjectDeletion,
): Promise<readonly Digest[] | undefined> {
  const { worker, nowMs } = deletion
  const interrupted = await takeInterrupted(tx, deletion)
  if (interrupted.length > 0) return interrupted
  const due = await tx
    .selectFrom('unreferenced_objects')
    .select('sha256')
    .where('deletable_at', '<=', nowMs)
    .orderBy('deletable_at')
    .limit(limits.deletionBatchMax)
    .execute()
  if (due.length === 0) return undefined
  const sha256s = due.map((row) => row.sha256)
  const referenced = await findReferenced(tx, sha256s)
  const free = sha256s.map(digestFromBytes).filter((digest) => !referenced.has(digest))
  await tx.deleteFrom('unreferenced_objects').where('sha256', 'in', sha256s).execute()
  await insertRows(tx, {
    table: 'deletions',
    columns: ['sha256', 'worker', 'since'],
    onConflict: 'do nothing',
    rows: free.map((digest) => [bytesOfDigest(digest), worker, nowMs]),
  })
  return free
}

/** What a process that ended left marked, or this one when `remove` failed. */
async function takeInterrupted(
  tx: Writing,
  { worker, nowMs, isAlone }: ObjectDeletion,
): Promise<readonly Digest[]> {
  const rows = await tx
    .selectFrom('deletions')
    .select('sha256')
    .where((is) =>
      is.or([
        is('worker', '=', worker),
        is('since', '<=', isAlone ? nowMs : nowMs - limits.deletionStaleMs),
      ]),
    )
    .limit(limits.deletionBatchMax)
    .execute()
  if (rows.length === 0) return []
  const sha256s = rows.map((row) => row.sha256)
  await tx
    .updateTable('deletions')
    .set({ worker, since: nowMs })
    .where('sha256', 'in', sha256s)
    .execute()
  return sha256s.map(digestFromBytes)
}

async function forgetGroup(tx: Writing, worker: string, digests: readonly Digest[]): Promise<void> {
  if (digests.length === 0) return
  await tx
    .deleteFrom('deletions')
    .where('worker', '=', worker)
    .where('sha256', 'in', digests.map(bytesOfDigest))
    .execute()
}
