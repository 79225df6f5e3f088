import assert from 'node:assert/strict'
import type { Digest } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import { findChannelRow } from './channel-records.ts'
import { isUniqueViolation } from './libsql-database.ts'
import { changesOfHead, writeRanges } from './object-ranges.ts'
import { type Writing, chunksOf } from './records-database.ts'
import { bytesOfDigest, channelOf } from './rows.ts'
import type { ChannelsTable } from './schema.ts'
import type { CommitOutcome, ObjectRecord, ReleaseCommit, TrustVersions } from './server-records.ts'
import { versionsAfter, writeTrustFiles } from './trust-records.ts'
import { closeUpload, findLeaving, undelivered } from './upload-records.ts'

/** The one transaction that makes a release the head. */
export async function commitRelease(tx: Writing, commit: ReleaseCommit): Promise<CommitOutcome> {
  checkArguments(commit)
  const before = await findChannelRow(tx, commit.channel)
  if (before !== undefined && (await isRepeated(tx, before, commit))) {
    return { outcome: 'repeated', channel: channelOf(before) }
  }
  const isWon =
    before === undefined ? await createChannel(tx, commit) : await replaceHead(tx, before, commit)
  const row = await findChannelRow(tx, commit.channel)
  if (!isWon || row === undefined) {
    return { outcome: 'conflict', channel: row === undefined ? undefined : channelOf(row) }
  }
  const change = {
    channel: row.id,
    headRelease: before?.head_release ?? 0,
    release: commit.release.release,
    objects: commit.objects,
  }
  const objects = await changesOfHead(tx, change)
  await checkAdded(tx, { channel: row.id, commit, added: objects.added })
  await insertRelease(tx, row.id, commit)
  await writeRanges(tx, change, objects)
  await writeTrustFiles(tx, { channel: row.id, files: commit.trustFiles, atMs: commit.atMs })
  if (commit.upload !== undefined) {
    await closeUpload(tx, { id: commit.upload, state: 'committed', atMs: commit.atMs })
  }
  return { outcome: 'committed', channel: channelOf(row) }
}

function checkArguments(commit: ReleaseCommit): void {
  const { replaces, release, objects } = commit
  assert(release.release > 0)
  assert(objects.length <= limits.releaseObjectsMax)
  assert(objects.some((object) => object.digest === release.manifestDigest))
  assert(commit.trustFiles.some((file) => file.role === 'targets'))
  if (commit.create !== undefined) {
    assert(Object.values(replaces).every((version) => version === 0))
    assert(commit.trustFiles.some((file) => file.role === 'root'))
  }
}

/** Whether this very commit is in the records already, so that an answer that got lost can be given. */
async function isRepeated(
  tx: Writing,
  channel: ChannelsTable,
  commit: ReleaseCommit,
): Promise<boolean> {
  const release = await tx
    .selectFrom('releases')
    .select('manifest_sha256')
    .where('channel', '=', channel.id)
    .where('release', '=', commit.release.release)
    .executeTakeFirst()
  if (release === undefined) return false
  if (!bytesOfDigest(commit.release.manifestDigest).equals(release.manifest_sha256)) return false
  for (const file of commit.trustFiles) {
    // Snapshot and timestamp may have been signed again since then.
    if (file.role !== 'targets' && file.role !== 'root') continue
    const stored = await tx
      .selectFrom('trust_files')
      .select('bytes')
      .where('channel', '=', channel.id)
      .where('file', '=', file.file)
      .executeTakeFirst()
    if (stored === undefined || !Buffer.from(file.bytes).equals(stored.bytes)) return false
  }
  return true
}

async function createChannel(tx: Writing, commit: ReleaseCommit): Promise<boolean> {
  const { create } = commit
  if (create === undefined) return false
  const newest = await tx
    .selectFrom('channels')
    .select((select) => select.fn.max('id').as('id'))
    .executeTakeFirst()
  try {
    await tx
      .insertInto('channels')
      .values({
        id: Number(newest?.id ?? 0) + 1,
        name: commit.channel,
        channel_id: bytesOfDigest(create.channelId),
        access: create.access,
        online_key: create.onlineKey,
        created_at: commit.atMs,
        ...headColumns(commit, commit.replaces),
      })
      .execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

/** The compare-and-set: nothing changes unless every version is the one that is replaced. */
async function replaceHead(
  tx: Writing,
  before: ChannelsTable,
  commit: ReleaseCommit,
): Promise<boolean> {
  if (commit.create !== undefined || commit.release.release <= before.head_release) return false
  const { replaces } = commit
  const result = await tx
    .updateTable('channels')
    .set({
      ...headColumns(commit, replaces),
      ...(commit.access === undefined ? {} : { access: commit.access }),
    })
    .where('id', '=', before.id)
    .where('state', '=', 'active')
    .where('root_version', '=', replaces.root)
    .where('targets_version', '=', replaces.targets)
    .where('snapshot_version', '=', replaces.snapshot)
    .where('timestamp_version', '=', replaces.timestamp)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

function headColumns(
  commit: ReleaseCommit,
  replaces: TrustVersions,
): Omit<ChannelsTable, 'id' | 'name' | 'channel_id' | 'access' | 'online_key' | 'created_at'> {
  const versions = versionsAfter(replaces, commit.trustFiles)
  assert(versions.targets > replaces.targets)
  return {
    state: commit.release.isEnd ? 'ended' : 'active',
    head_release: commit.release.release,
    root_version: versions.root,
    targets_version: versions.targets,
    snapshot_version: versions.snapshot,
    timestamp_version: versions.timestamp,
  }
}

async function insertRelease(tx: Writing, channel: number, commit: ReleaseCommit): Promise<void> {
  const { release } = commit
  await tx
    .insertInto('releases')
    .values({
      channel,
      release: release.release,
      label: release.label ?? null,
      manifest_sha256: bytesOfDigest(release.manifestDigest),
      manifest_bytes: release.manifestBytes,
      published_at: release.publishedAtMs,
      entries: release.entries,
      total_bytes: release.totalBytes,
      retained: 1,
      ended: release.isEnd ? 1 : 0,
    })
    .execute()
}

/** New references go only to objects that are in the store and stay there. */
async function checkAdded(
  tx: Writing,
  check: {
    readonly channel: number
    readonly commit: ReleaseCommit
    readonly added: readonly ObjectRecord[]
  },
): Promise<void> {
  const digests = check.added.map((object) => object.digest)
  const leaving = await findLeaving(tx, digests)
  if (leaving !== undefined) throw storeError('LW_STORE_OBJECT_LEAVING', { detail: `${leaving}.` })
  const { upload } = check.commit
  if (upload === undefined) return
  const lacking = await undelivered(tx, { upload, digests })
  const missing = await notReferenced(tx, check.channel, lacking)
  if (missing !== undefined) {
    throw storeError('LW_STORE_OBJECT_MISSING', {
      detail: `The upload did not deliver ${missing}.`,
      untouched: 'The channel is as it was.',
    })
  }
}

/** The first of the digests that the channel refers to in no release. */
async function notReferenced(
  tx: Writing,
  channel: number,
  digests: readonly Digest[],
): Promise<Digest | undefined> {
  for (const group of chunksOf(digests, limits.rowsPerStatement)) {
    const rows = await tx
      .selectFrom('object_ranges')
      .select('sha256')
      .where('channel', '=', channel)
      .where('sha256', 'in', group.map(bytesOfDigest))
      .execute()
    const known = new Set(rows.map((row) => Buffer.from(row.sha256).toString('hex')))
    const missing = group.find((digest) => !known.has(digest))
    if (missing !== undefined) return missing
  }
  return undefined
}
