import type { Digest } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { findChannelId } from './channel-records.ts'
import type { OverlayRecords } from './feedback-log.ts'
import { insertRows, type RecordsDatabase, type Writing } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'

export function createOverlayRecords(database: RecordsDatabase): OverlayRecords {
  const { reader } = database
  return {
    async find(channel, tuner) {
      const row = await reader
        .selectFrom('overlays as o')
        .innerJoin('channels as c', 'c.id', 'o.channel')
        .select(['o.release', 'o.serial', 'o.statement', 'o.signature'])
        .where('c.name', '=', channel)
        .where('o.tuner', '=', bytesOfDigest(tuner))
        .executeTakeFirst()
      return row === undefined ? undefined : { tuner, ...row }
    },
    replace: (channel, overlay) =>
      database.transaction(async (tx) => {
        const id = await findChannelId(tx, channel)
        if (id === undefined) throw storeError('LW_STORE_NO_CHANNEL')
        const isNewer = await replaceStatement(tx, id, overlay)
        if (isNewer) await replaceFiles(tx, id, overlay)
        return isNewer
      }),
    async file(channel, tuner, digest) {
      const row = await reader
        .selectFrom('overlay_files as f')
        .innerJoin('channels as c', 'c.id', 'f.channel')
        .innerJoin('overlay_contents as b', 'b.sha256', 'f.sha256')
        .select('b.bytes')
        .where('c.name', '=', channel)
        .where('f.tuner', '=', bytesOfDigest(tuner))
        .where('f.sha256', '=', bytesOfDigest(digest))
        .executeTakeFirst()
      return row?.bytes
    },
  }
}

type Replacement = Parameters<OverlayRecords['replace']>[1]

async function replaceStatement(
  tx: Writing,
  channel: number,
  overlay: Replacement,
): Promise<boolean> {
  const tuner = bytesOfDigest(overlay.tuner)
  const { release, serial, statement, signature } = overlay
  const present = await tx
    .selectFrom('overlays')
    .select('serial')
    .where('channel', '=', channel)
    .where('tuner', '=', tuner)
    .executeTakeFirst()
  if (present !== undefined && present.serial >= serial) return false
  const changes = { release, serial, statement, signature, made_at: overlay.atMs }
  await tx
    .insertInto('overlays')
    .values({ channel, tuner, ...changes })
    .onConflict((conflict) => conflict.columns(['channel', 'tuner']).doUpdateSet(changes))
    .execute()
  return true
}

/** Contents are kept once for all tuners that have them, and go with the last of them. */
async function replaceFiles(tx: Writing, channel: number, overlay: Replacement): Promise<void> {
  const tuner = bytesOfDigest(overlay.tuner)
  const before = await tx
    .selectFrom('overlay_files')
    .select('sha256')
    .where('channel', '=', channel)
    .where('tuner', '=', tuner)
    .execute()
  await tx
    .deleteFrom('overlay_files')
    .where('channel', '=', channel)
    .where('tuner', '=', tuner)
    .execute()
  const files = new Map<Digest, Uint8Array>()
  for (const { digest, bytes } of overlay.files) files.set(digest, bytes)
  await insertRows(tx, {
    table: 'overlay_files',
    columns: ['channel', 'tuner', 'sha256'],
    rows: [...files.keys()].map((digest) => [channel, tuner, bytesOfDigest(digest)]),
  })
  for (const [digest, bytes] of files) {
    await tx
      .insertInto('overlay_contents')
      .values({ sha256: bytesOfDigest(digest), bytes })
      .onConflict((conflict) => conflict.column('sha256').doNothing())
      .execute()
  }
  for (const { sha256 } of before) {
    await tx
      .deleteFrom('overlay_contents')
      .where('sha256', '=', sha256)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('overlay_files').select('tuner').where('sha256', '=', sha256))),
      )
      .execute()
  }
}
