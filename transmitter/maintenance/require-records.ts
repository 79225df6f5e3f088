import path from 'node:path'
import { type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import { transmitterError } from '../errors.ts'
import { recordsFile } from './open-store.ts'

/** What is there only after a channel was published to or asked for. */
const contents = ['keys', 'objects']

/**
 * Refuses to begin anew where channels lie without the records that say which they are: their
 * publishers and subscribers would meet a transmitter that knows nothing of them.
 * @throws LW_TRANSMIT_RECORDS_LOST
 */
export async function requireRecords(fs: FileSystem, directory: string): Promise<void> {
  const file = path.join(directory, recordsFile)
  // What was committed may lie in the log alone.
  for (const name of [file, `${file}-wal`]) if ((await sizeOf(fs, name)) > 0) return
  for (const name of contents) {
    if (!(await hasFiles(fs, path.join(directory, name)))) continue
    throw transmitterError('LW_TRANSMIT_RECORDS_LOST', {
      detail: `${file} is empty or gone, and ${path.join(directory, name)} has files of channels.`,
      untouched: 'Nothing was changed.',
      next: 'Bring it back: longwave transmitter restore BACKUP --data FOLDER, with a new or empty folder. To begin anew, move this one away.',
    })
  }
}

async function sizeOf(fs: FileSystem, file: string): Promise<number> {
  try {
    return (await fs.stat(file)).size
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 0
    throw error
  }
}

/** Whether a folder or one of its own folders has a file. */
async function hasFiles(fs: FileSystem, folder: string): Promise<boolean> {
  for (const entry of await entriesOf(fs, folder)) {
    if (entry.type === 'file') return true
    const inner = entry.type === 'directory' ? path.join(folder, entry.name) : undefined
    if (inner !== undefined && (await entriesOf(fs, inner)).length > 0) return true
  }
  return false
}

async function entriesOf(fs: FileSystem, folder: string) {
  try {
    return await fs.readdir(folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
