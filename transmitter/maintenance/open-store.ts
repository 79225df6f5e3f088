import path from 'node:path'
import { type FileSystem, isErrno, nodeFileSystem } from '../../store/durable-files/index.ts'
import { createFileObjectStore, type ObjectStore } from '../../store/objects/index.ts'
import { openServerRecords, type ServerRecords } from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'

/** What the maintenance of a transmitter's data begins with. */
export interface StoreOptions {
  /** `HOME/transmitter` or `--data`. */
  readonly directory: string
  readonly fileSystem?: FileSystem
  readonly clock?: { now(): number }
}

/** A transmitter's records and objects, beside the processes that may be serving them. */
export interface OpenStore extends AsyncDisposable {
  readonly fs: FileSystem
  readonly directory: string
  readonly clock: { now(): number }
  readonly records: ServerRecords
  readonly objects: ObjectStore
}

/** The database, below the transmitter's folder. */
export const recordsFile = 'records.db'

/** Beside data that a restore has not finished. */
export const restoringFile = 'restoring'

export function recordsUrl(directory: string): string {
  return `sqlite:${path.join(directory, recordsFile)}`
}

/** @throws LW_TRANSMIT_NO_DATA, LW_STORE_RECORDS_DAMAGED … */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { directory } = options
  const fs = options.fileSystem ?? nodeFileSystem
  await requireData(fs, directory)
  const records = await openServerRecords({ url: recordsUrl(directory) })
  return {
    fs,
    directory,
    clock: options.clock ?? Date,
    records,
    objects: createFileObjectStore({ directory, fileSystem: fs }),
    [Symbol.asyncDispose]: () => records.close(),
  }
}

async function requireData(fs: FileSystem, directory: string): Promise<void> {
  if (await isThere(fs, path.join(directory, restoringFile))) {
    throw transmitterError('LW_TRANSMIT_BACKUP_UNFIT', {
      detail: 'A restore into the folder has not finished.',
      next: 'longwave transmitter restore BACKUP',
    })
  }
  if (await isThere(fs, path.join(directory, recordsFile))) return
  throw transmitterError('LW_TRANSMIT_NO_DATA', {
    detail: `There are no records in ${directory}.`,
    next: 'Name the folder with --data.',
  })
}

export async function isThere(fs: FileSystem, file: string): Promise<boolean> {
  try {
    await fs.lstat(file)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
