import assert from 'node:assert/strict'
import { storeError } from '../errors.ts'
import { findChannelRow } from './channel-records.ts'
import type { RecordsDatabase, Writing } from './records-database.ts'
import { channelOf } from './rows.ts'
import type {
  ReplaceOutcome,
  TrustFile,
  TrustRecords,
  TrustReplacement,
  TrustRole,
  TrustVersions,
} from './server-records.ts'

export function createTrustRecords(database: RecordsDatabase): TrustRecords {
  const { reader } = database
  return {
    async find(channel, file) {
      const row = await reader
        .selectFrom('trust_files')
        .innerJoin('channels', 'channels.id', 'trust_files.channel')
        .select(['file', 'role', 'version', 'bytes'])
        .where('channels.name', '=', channel)
        .where('file', '=', file)
        .executeTakeFirst()
      return row === undefined ? undefined : { ...row, role: row.role as TrustRole }
    },
    async list(channel) {
      const rows = await reader
        .selectFrom('trust_files')
        .innerJoin('channels', 'channels.id', 'trust_files.channel')
        .select(['file', 'role', 'version'])
        .where('channels.name', '=', channel)
        .orderBy('role')
        .orderBy('version')
        .execute()
      return rows.map((row) => ({ ...row, role: row.role as TrustRole }))
    },
    replace: (replacement) => database.transaction((tx) => replaceTrustFiles(tx, replacement)),
  }
}

async function replaceTrustFiles(
  tx: Writing,
  replacement: TrustReplacement,
): Promise<ReplaceOutcome> {
  const before = await findChannelRow(tx, replacement.channel)
  if (before === undefined) {
    throw storeError('LW_STORE_NO_CHANNEL', { detail: `There is no ${replacement.channel}.` })
  }
  const { versions } = channelOf(before)
  const roles = Object.keys(replacement.expected) as TrustRole[]
  if (roles.some((role) => replacement.expected[role] !== versions[role])) {
    return { outcome: 'conflict', channel: channelOf(before) }
  }
  const after = versionsAfter(versions, replacement.files)
  const result = await tx
    .updateTable('channels')
    .set({
      root_version: after.root,
      targets_version: after.targets,
      snapshot_version: after.snapshot,
      timestamp_version: after.timestamp,
    })
    .where('id', '=', before.id)
    .executeTakeFirst()
  assert.equal(result.numUpdatedRows, 1n)
  const { files, atMs } = replacement
  await writeTrustFiles(tx, { channel: before.id, files, atMs })
  return { outcome: 'replaced', channel: { ...channelOf(before), versions: after } }
}

/** The versions once files are in place; none may fall. */
export function versionsAfter(before: TrustVersions, files: readonly TrustFile[]): TrustVersions {
  const after: Record<TrustRole, number> = { ...before }
  for (const { role, version } of files) {
    assert(version > before[role], `${role} ${version} does not follow ${before[role]}`)
    after[role] = Math.max(after[role], version)
  }
  return after
}

export async function writeTrustFiles(
  tx: Writing,
  write: { readonly channel: number; readonly files: readonly TrustFile[]; readonly atMs: number },
): Promise<void> {
  for (const { file, role, version, bytes } of write.files) {
    const row = { version, bytes, made_at: write.atMs }
    await tx
      .insertInto('trust_files')
      .values({ channel: write.channel, file, role, ...row })
      .onConflict((conflict) => conflict.columns(['channel', 'file']).doUpdateSet(row))
      .execute()
  }
}
