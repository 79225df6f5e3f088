import { limits } from '../limits.ts'
import { type Reading, type Writing, chunksOf, insertRows, otherWork } from './records-database.ts'
import { bytesOfDigest, objectOf } from './rows.ts'
import type { ObjectRecord } from './server-records.ts'

const noBytes = Buffer.alloc(0)

/** The objects of one release, in the order of their digests. */
export async function* objectsOfRelease(
  db: Reading | Writing,
  channel: number,
  release: number,
): AsyncGenerator<ObjectRecord> {
  for (let after: Uint8Array = noBytes; ; ) {
    const rows = await db
      .selectFrom('object_ranges')
      .select(['sha256', 'size'])
      .where('channel', '=', channel)
      .where('sha256', '>', after)
      .where('first_release', '<=', release)
      .where((is) => is.or([is('last_release', 'is', null), is('last_release', '>=', release)]))
      .orderBy('sha256')
      .limit(limits.rowsPerTurn)
      .execute()
    for (const row of rows) yield objectOf(row)
    const last = rows.at(-1)
    if (last === undefined || rows.length < limits.rowsPerTurn) return
    after = last.sha256
    await otherWork()
  }
}

export interface HeadChange {
  readonly channel: number
  /** 0 before the first release. */
  readonly headRelease: number
  readonly release: number
  readonly objects: readonly ObjectRecord[]
}

/** What a release adds to what the head refers to, and what it drops. */
export async function changesOfHead(
  tx: Writing,
  change: HeadChange,
): Promise<{ readonly added: readonly ObjectRecord[]; readonly dropped: readonly ObjectRecord[] }> {
  const added = new Map(change.objects.map((object) => [object.digest, object]))
  const dropped: ObjectRecord[] = []
  if (change.headRelease > 0) {
    for await (const object of objectsOfRelease(tx, change.channel, change.headRelease)) {
      if (!added.delete(object.digest)) dropped.push(object)
    }
  }
  return { added: [...added.values()], dropped }
}

/** Starts runs at this release and ends others at the release before. */
export async function writeRanges(
  tx: Writing,
  change: Pick<HeadChange, 'channel' | 'headRelease' | 'release'>,
  objects: {
    readonly added: readonly ObjectRecord[]
    readonly dropped: readonly ObjectRecord[]
  },
): Promise<void> {
  await insertRows(tx, {
    table: 'object_ranges',
    columns: ['channel', 'sha256', 'size', 'first_release'],
    rows: objects.added.map(({ digest, size }) => [
      change.channel,
      bytesOfDigest(digest),
      size,
      change.release,
    ]),
  })
  for (const group of chunksOf(objects.dropped, limits.rowsPerStatement)) {
    await tx
      .updateTable('object_ranges')
      .set({ last_release: change.headRelease })
      .where('channel', '=', change.channel)
      .where('last_release', 'is', null)
      .where(
        'sha256',
        'in',
        group.map((object) => bytesOfDigest(object.digest)),
      )
      .execute()
    await otherWork()
  }
}
