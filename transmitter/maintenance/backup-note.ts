import path from 'node:path'
import { type FileSystem, readFileIfPresent } from '../../store/durable-files/index.ts'

export const backupFormat = 'longwave-backup-1'

/** Written last: a folder without it holds no complete backup. */
export const backupFile = 'backup.json'

export interface BackupNote {
  readonly format: typeof backupFormat
  /** The version of the program that made it. */
  readonly version: string
  /** RFC 3339. */
  readonly made: string
  readonly objects: number
  readonly bytes: number
}

/** What a folder says of itself as a backup; undefined when it is none. */
export async function loadBackupNote(
  fs: FileSystem,
  folder: string,
): Promise<BackupNote | undefined> {
  const bytes = await readFileIfPresent(fs, path.join(folder, backupFile), { bytesMax: 64 * 1024 })
  if (bytes === undefined) return undefined
  try {
    const note = JSON.parse(bytes.toString('utf8')) as Partial<BackupNote> | null
    const isNote = note?.format === backupFormat && Number.isFinite(Date.parse(note.made ?? ''))
    return isNote ? (note as BackupNote) : undefined
  } catch {
    return undefined
  }
}
