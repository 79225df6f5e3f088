import path from 'node:path'
import { type Digest, limits } from '../../protocol/index.ts'
import {
  cleaningUp,
  ensureDirectory,
  type FileSystem,
  isErrno,
  type Randomness,
  readFileIfPresent,
  removeIfPresent,
  temporaryName,
  writeFileDurably,
  writeNewFile,
} from '../../store/durable-files/index.ts'
import { publisherLimits } from '../limits.ts'

/** The files of one channel below the folder that a web server serves. */
export interface StaticSite {
  /** `WWW/NAME`. */
  readonly directory: string
  trustFile(file: string): Promise<Uint8Array | undefined>
  /** Writes metadata, durably and in one step. */
  writeTrust(file: string, bytes: Uint8Array): Promise<void>
  /** Writes a view beside the trust files: page, subscription, index. */
  writeView(file: string, bytes: Uint8Array | string): Promise<void>
  objectPath(sha256: Digest): string
  /** Size of an object that is there; undefined when it is not. */
  objectSize(sha256: Digest): Promise<number | undefined>
  readObject(sha256: Digest): Promise<Uint8Array | undefined>
  /** Size of the precompressed form; undefined when there is none. */
  compressedSize(sha256: Digest): Promise<number | undefined>
  /** Writes an object's bytes under a temporary name, syncs, renames; not yet its folder. */
  writeObject(name: string, content: AsyncIterable<Uint8Array> | Uint8Array): Promise<void>
  syncObjects(): Promise<void>
  /** Where the lock of a run lies. */
  readonly lockFolder: string
  /** Makes the folders and removes what a crashed run left. */
  prepare(): Promise<void>
}

const fileMode = 0o644

export function staticSite(
  fs: FileSystem,
  randomness: Randomness,
  out: string,
  name: string,
): StaticSite {
  const directory = path.join(out, name)
  const trust = path.join(directory, 'trust')
  const objects = path.join(directory, 'objects')
  const objectPath = (sha256: string) => path.join(objects, sha256)
  const sizeOf = async (file: string): Promise<number | undefined> => {
    try {
      return (await fs.stat(file)).size
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
  }
  return {
    directory,
    trustFile: (file) =>
      readFileIfPresent(fs, path.join(trust, file), { bytesMax: limits.targetsBytesMax }),
    writeTrust: (file, bytes) =>
      writeFileDurably(fs, path.join(trust, file), bytes, { mode: fileMode, randomness }),
    writeView: (file, bytes) =>
      writeFileDurably(fs, path.join(directory, file), bytes, { mode: fileMode, randomness }),
    objectPath,
    objectSize: (sha256) => sizeOf(objectPath(sha256)),
    readObject: (sha256) =>
      readFileIfPresent(fs, objectPath(sha256), { bytesMax: limits.manifestBytesMax }),
    compressedSize: (sha256) => sizeOf(objectPath(`${sha256}.br`)),
    async writeObject(file, content) {
      const temporary = path.join(objects, temporaryName(randomness))
      await cleaningUp(fs, temporary, async () => {
        if (content instanceof Uint8Array) await writeNewFile(fs, temporary, content, fileMode)
        else await writeStream(fs, temporary, content)
        await fs.rename(temporary, path.join(objects, file))
      })
    },
    syncObjects: () => fs.syncDirectory(objects),
    lockFolder: path.join(directory, '.publishing'),
    async prepare() {
      await ensureDirectory(fs, trust)
      await ensureDirectory(fs, objects)
      for (const folder of [directory, trust, objects, path.join(directory, 'deltas')]) {
        await removeTemporaries(fs, folder)
      }
    },
  }
}

async function writeStream(
  fs: FileSystem,
  file: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const handle = await fs.open(file, 'wx', 0o600)
  try {
    for await (const piece of content) await handle.write(piece)
    await handle.chmod(fileMode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeTemporaries(fs: FileSystem, folder: string): Promise<void> {
  let names: readonly { readonly name: string }[]
  try {
    names = await fs.readdir(folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return
    throw error
  }
  for (const { name } of names) {
    if (/^\.lw-[0-9a-f]+\.tmp/.test(name)) await removeIfPresent(fs, path.join(folder, name))
  }
}

/** How many objects are written at once. */
export const writesAtOnce = publisherLimits.staticWritesAtOnce
