import path from 'node:path'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  nodeFileSystem,
  removeIfPresent,
  removeTree,
  syncFile,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import {
  createFileObjectStore,
  type IncomingObject,
  type ObjectStore,
} from '../../store/objects/index.ts'
import { openServerRecords } from '../../store/server-records/index.ts'
import { ownTokenFile } from '../access/index.ts'
import { withDataAlone } from '../data-claims/index.ts'
import { transmitterError } from '../errors.ts'
import { keysFolder, OnlineKeys } from '../online-keys/index.ts'
import { pluginModulesFolder } from '../plugins/plugin-store.ts'
import { renewChannel } from '../resigning/index.ts'
import { copyPrivateFiles, namesIn } from './backup.ts'
import { type BackupNote, loadBackupNote } from './backup-note.ts'
import { type CheckSummary, checkStore } from './check-store.ts'
import { isThere, recordsFile, recordsUrl, restoringFile, type StoreOptions } from './open-store.ts'

export interface RestoreOptions {
  /** The folder that `backupTo` wrote. */
  readonly from: string
  readonly signal?: AbortSignal
}

export interface RestoreSummary {
  /** RFC 3339: everything published since then must be published again. */
  readonly made: string
  readonly objects: number
  readonly bytes: number
  /** Channels whose timestamp was signed anew, past what tuners may have seen since the backup. */
  readonly channels: number
  readonly check: CheckSummary
}

const dayMs = 86_400_000
/** Versions that a timestamp may rise by at most, for very old backups. */
const stepsMax = 1000

/**
 * Makes an empty data folder what the backup says, every object verified. One that breaks off is
 * begun again by the next call; a transmitter does not start from it.
 * @throws LW_TRANSMIT_NOT_EMPTY, LW_TRANSMIT_BACKUP_UNFIT, LW_STORE_LOCKED
 */
export async function restoreFrom(options: StoreOptions & RestoreOptions): Promise<RestoreSummary> {
  const { directory, from } = options
  const fs = options.fileSystem ?? nodeFileSystem
  const note = await loadBackupNote(fs, from)
  if (note === undefined || !(await isThere(fs, path.join(from, recordsFile)))) {
    throw transmitterError('LW_TRANSMIT_BACKUP_UNFIT', {
      detail: `${from} is not one, or its making broke off.`,
      untouched: 'Nothing was written.',
    })
  }
  await ensureDirectory(fs, directory, { mode: 0o700 })
  return withDataAlone(fs, directory, async () => {
    await prepareFolder(fs, directory)
    await copyAll(fs, options)
    const channels = await renewAll(fs, options, note)
    await removeIfPresent(fs, path.join(directory, restoringFile))
    await fs.syncDirectory(directory)
    // The bytes were compared on their way.
    const check = await checkStore({ ...options, contents: false })
    const { made, objects, bytes } = note
    return { made, objects, bytes, channels, check }
  })
}

/** What a transmitter or a restore makes in the folder. */
const ownNames = [recordsFile, `${recordsFile}-wal`, `${recordsFile}-shm`, 'objects', 'incoming']

async function prepareFolder(fs: FileSystem, directory: string): Promise<void> {
  const marker = path.join(directory, restoringFile)
  if (!(await isThere(fs, marker))) {
    const names = (await namesIn(fs, directory)).filter((name) => name !== 'claims')
    if (names.length > 0) {
      throw transmitterError('LW_TRANSMIT_NOT_EMPTY', {
        detail: `${directory} holds ${names.slice(0, 5).join(', ')}.`,
        untouched: 'Nothing was written.',
        next: 'Restore into another folder, or move this one away first.',
      })
    }
  }
  await writeFileDurably(fs, marker, '', { mode: 0o600 })
  // An earlier attempt may have left some of these.
  for (const name of [...ownNames, keysFolder, pluginModulesFolder])
    await removeTree(fs, path.join(directory, name))
}

async function copyAll(fs: FileSystem, options: StoreOptions & RestoreOptions): Promise<void> {
  const { directory, from, signal } = options
  const source = createFileObjectStore({ directory: from, fileSystem: fs })
  const target = createFileObjectStore({ directory, fileSystem: fs })
  try {
    await target.receiveMany(storedIn(source), signal === undefined ? {} : { signal })
  } catch (cause) {
    if (!isLongwaveError(cause, 'LW_STORE_DIGEST_MISMATCH')) throw cause
    throw transmitterError('LW_TRANSMIT_BACKUP_UNFIT', {
      detail: 'One of its objects is damaged.',
      next: 'Take another backup.',
      cause,
    })
  }
  const keys = (await namesIn(fs, path.join(from, keysFolder))).map((name) =>
    path.join(keysFolder, name),
  )
  const modules = (await namesIn(fs, path.join(from, pluginModulesFolder))).map((name) =>
    path.join(pluginModulesFolder, name),
  )
  await copyPrivateFiles(fs, { from, to: directory, files: [ownTokenFile, ...keys, ...modules] })
  const records = path.join(directory, recordsFile)
  await fs.copyFile(path.join(from, recordsFile), records, { clone: 'try' })
  await fs.chmod(records, 0o600)
  await syncFile(fs, records)
  await fs.syncDirectory(directory)
}

async function* storedIn(store: ObjectStore): AsyncGenerator<IncomingObject> {
  for await (const { digest, size } of store.list()) {
    const reader = await store.open(digest)
    const file = reader?.path
    await reader?.close()
    if (file !== undefined) yield { digest, size, source: { fromPath: file } }
  }
}

/**
 * Tuners saw a version of the timestamp for every day since the backup; lower ones would look like
 * a rollback to them.
 */
async function renewAll(
  fs: FileSystem,
  options: StoreOptions & RestoreOptions,
  note: BackupNote,
): Promise<number> {
  const { directory } = options
  const clock = options.clock ?? Date
  await using records = await openServerRecords({ url: recordsUrl(directory) })
  const keys = new OnlineKeys({ fs, directory })
  const days = Math.max(0, Math.ceil((clock.now() - Date.parse(note.made)) / dayMs))
  const channels = await records.channels.list()
  for (const channel of channels) {
    await renewChannel({ records, keys, clock }, channel, Math.min(days + 2, stepsMax))
  }
  return channels.length
}
