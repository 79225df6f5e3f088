import path from 'node:path'
import {
  type FileSystem,
  type Randomness,
  readFileIfPresent,
  removeTree,
  writeFileDurably,
} from '../store/durable-files/index.ts'

const idBytes = 16

/**
 * The tuner's own random number, made at the first start. It only spreads schedules: a lost or
 * damaged one is made anew.
 */
export async function loadTunerId(
  fs: FileSystem,
  directory: string,
  randomness: Randomness,
): Promise<string> {
  const file = path.join(directory, 'tuner-id')
  const text = (await readFileIfPresent(fs, file).catch(() => undefined))?.toString('latin1').trim()
  if (text !== undefined && /^[0-9a-f]{32}$/.test(text)) return text
  const id = Buffer.from(randomness.bytes(idBytes)).toString('hex')
  // A rename replaces files and links, but no folder that somebody put there.
  if (await isFolder(fs, file)) await removeTree(fs, file)
  await writeFileDurably(fs, file, `${id}\n`, { mode: 0o600 })
  return id
}

async function isFolder(fs: FileSystem, file: string): Promise<boolean> {
  return fs.lstat(file).then(
    (stats) => stats.type === 'directory',
    () => false,
  )
}
