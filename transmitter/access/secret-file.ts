import path from 'node:path'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  nodeRandomness,
  readFileIfPresent,
  removeIfPresent,
  temporaryName,
  writeNewFile,
} from '../../store/durable-files/index.ts'

/**
 * The text of a secret that is made when it is asked for the first time: mode 0600 in a folder of
 * mode 0700 (S42). Of several processes that make it at the same time the first one's stays.
 */
export async function loadOrMakeSecret(
  fs: FileSystem,
  file: string,
  make: () => string,
): Promise<string> {
  const found = await loadSecret(fs, file)
  if (found !== undefined) return found
  const folder = path.dirname(file)
  await ensureDirectory(fs, folder, { mode: 0o700 })
  const own = path.join(folder, temporaryName(nodeRandomness))
  try {
    await writeNewFile(fs, own, make(), 0o600)
    await fs.link(own, file)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
  } finally {
    await removeIfPresent(fs, own)
  }
  await fs.syncDirectory(folder)
  const kept = await loadSecret(fs, file)
  if (kept === undefined) throw new Error('a secret vanished while it was made')
  return kept
}

async function loadSecret(fs: FileSystem, file: string): Promise<string | undefined> {
  const bytes = await readFileIfPresent(fs, file, { bytesMax: 64 * 1024 })
  return bytes === undefined || bytes.byteLength === 0 ? undefined : bytes.toString('utf8')
}
