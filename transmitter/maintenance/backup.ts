import path from 'node:path'
import { type Digest, version } from '../../protocol/index.ts'
import {
  createCloneMemory,
  ensureDirectory,
  type FileSystem,
  inParallel,
  isErrno,
  linkOrClone,
  removeIfPresent,
  syncFile,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { createFileObjectStore, type ObjectStore } from '../../store/objects/index.ts'
import {
  type ObjectRecord,
  openServerRecords,
  type ServerRecords,
} from '../../store/server-records/index.ts'
import { ownTokenFile } from '../access/index.ts'
import { timeText } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { keysFolder } from '../online-keys/index.ts'
import { pluginModulesFolder } from '../plugins/plugin-store.ts'
import { type BackupNote, backupFile, backupFormat, loadBackupNote } from './backup-note.ts'
import { isThere, type OpenStore, openStore, recordsFile, type StoreOptions } from './open-store.ts'

export interface BackupOptions {
  /** An empty folder, or an earlier backup that is brought up to date. */
  readonly to: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { readonly objects: number; readonly bytes: number }) => void
}

export interface BackupSummary {
  readonly directory: string
  readonly objects: number
  readonly bytes: number
  /** Objects that this backup added to the folder; linked ones take no space of their own. */
  readonly addedObjects: number
  readonly linkedObjects: number
  /** Objects that the records refer to and the store lacks: `fsck` says more. */
  readonly missing: readonly Digest[]
}

/**
 * Writes a complete, consistent copy while transmitters serve the data: records first, then all
 * that they refer to. On the same file system objects are linked, not copied; they never change.
 * The folder holds the online keys: keep it as private as the original.
 * @throws LW_TRANSMIT_NO_DATA, LW_TRANSMIT_NOT_EMPTY
 */
export async function backupTo(options: StoreOptions & BackupOptions): Promise<BackupSummary> {
  await using store = await openStore(options)
  const { fs, clock } = store
  const { to } = options
  await prepareFolder(fs, to)
  let copied: Copied | undefined
  for (let round = 1; round <= limits.backupRoundsMax; round++) {
    // What garbage collection took between is not in the records of the next round.
    copied = await copyOnce(store, options)
    if (copied.missing.length === 0) break
  }
  if (copied === undefined) throw new TypeError('a backup needs a round')
  await copySecrets(store, to)
  const note: BackupNote = {
    format: backupFormat,
    version,
    made: timeText(clock.now()),
    objects: copied.objects,
    bytes: copied.bytes,
  }
  await writeFileDurably(fs, path.join(to, backupFile), `${JSON.stringify(note, null, 2)}\n`, {
    mode: 0o600,
  })
  return { directory: to, ...copied }
}

type Copied = Omit<BackupSummary, 'directory'>

async function prepareFolder(fs: FileSystem, to: string): Promise<void> {
  await ensureDirectory(fs, to, { mode: 0o700 })
  const names = (await fs.readdir(to)).map((entry) => entry.name)
  if (names.length === 0) return
  const isOurs = (await loadBackupNote(fs, to)) !== undefined || names.includes(incompleteFile)
  if (!isOurs) {
    throw transmitterError('LW_TRANSMIT_NOT_EMPTY', {
      detail: `${to} holds something else than a backup.`,
      untouched: 'Nothing was written.',
    })
  }
  // From here on it is no backup until it is complete again.
  await writeFileDurably(fs, path.join(to, incompleteFile), '')
  await removeIfPresent(fs, path.join(to, backupFile))
}

const incompleteFile = 'incomplete'

async function copyOnce(store: OpenStore, options: BackupOptions): Promise<Copied> {
  const { fs } = store
  const { to } = options
  const target = path.join(to, recordsFile)
  for (const suffix of ['', '-wal', '-shm']) await removeIfPresent(fs, target + suffix)
  await writeFileDurably(fs, path.join(to, incompleteFile), '')
  await store.records.backup(target)
  await fs.chmod(target, 0o600)
  let copied: Copied
  {
    await using records = await openServerRecords({ url: `sqlite:${target}` })
    copied = await new ObjectCopy(store, records, options).run()
  }
  await syncFile(fs, target)
  await fs.syncDirectory(to)
  await removeIfPresent(fs, path.join(to, incompleteFile))
  return copied
}

/** Brings the objects that a copy of the records refers to into the backup, and no others. */
class ObjectCopy {
  readonly #store: OpenStore
  readonly #records: ServerRecords
  readonly #options: BackupOptions
  readonly #target: ObjectStore
  readonly #memory = createCloneMemory()
  readonly #folders = new Set<string>()
  readonly #wanted = new Set<Digest>()
  readonly #missing: Digest[] = []
  #bytes = 0
  #added = 0
  #linked = 0

  constructor(...[store, records, options]: [OpenStore, ServerRecords, BackupOptions]) {
    this.#store = store
    this.#records = records
    this.#options = options
    this.#target = createFileObjectStore({ directory: options.to, fileSystem: store.fs })
  }

  async run(): Promise<Copied> {
    for await (const group of groupsOfRecords(this.#records.retention.referenced())) {
      this.#options.signal?.throwIfAborted()
      await inParallel(group, 8, (object) => this.#copy(object))
      this.#options.onProgress?.({ objects: this.#wanted.size, bytes: this.#bytes })
    }
    for (const folder of this.#folders) await this.#store.fs.syncDirectory(folder)
    for await (const { digest } of this.#target.list()) {
      if (!this.#wanted.has(digest)) await this.#target.delete(digest)
    }
    return {
      objects: this.#wanted.size,
      bytes: this.#bytes,
      addedObjects: this.#added,
      linkedObjects: this.#linked,
      missing: this.#missing,
    }
  }

  async #copy({ digest, size }: ObjectRecord): Promise<void> {
    const reader = await this.#store.objects.open(digest)
    try {
      if (reader === undefined || reader.size !== size) {
        this.#missing.push(digest)
        return
      }
      this.#wanted.add(digest)
      this.#bytes += size
      if ((await this.#target.size(digest)) === size) return
      this.#added++
      if (reader.path === undefined) throw new TypeError('objects are copied from files')
      await this.#link(reader.path)
    } finally {
      await reader?.close()
    }
  }

  async #link(file: string): Promise<void> {
    const { fs, directory } = this.#store
    const target = path.join(this.#options.to, path.relative(directory, file))
    const folder = path.dirname(target)
    if (!this.#folders.has(folder)) {
      await ensureDirectory(fs, folder)
      this.#folders.add(folder)
    }
    // One of a wrong size makes way.
    await removeIfPresent(fs, target)
    const how = await linkOrClone(fs, file, target, this.#memory)
    if (how === 'copy') await syncFile(fs, target)
    else this.#linked++
  }
}

async function* groupsOfRecords(
  objects: AsyncIterable<ObjectRecord>,
): AsyncGenerator<readonly ObjectRecord[]> {
  let group: ObjectRecord[] = []
  for await (const object of objects) {
    group.push(object)
    if (group.length < limits.orphanGroup) continue
    yield group
    group = []
  }
  yield group
}

async function copySecrets({ fs, directory }: OpenStore, to: string): Promise<void> {
  const files = [ownTokenFile]
  for (const name of await namesIn(fs, path.join(directory, keysFolder))) {
    if (name.endsWith('.pem')) files.push(path.join(keysFolder, name))
  }
  for (const name of await namesIn(fs, path.join(directory, pluginModulesFolder))) {
    if (name.endsWith('.mjs')) files.push(path.join(pluginModulesFolder, name))
  }
  await copyPrivateFiles(fs, { from: directory, to, files })
}

/** Copies small files that only their owner may read; those that are missing are passed over. */
export async function copyPrivateFiles(
  fs: FileSystem,
  copy: { readonly from: string; readonly to: string; readonly files: readonly string[] },
): Promise<void> {
  for (const name of copy.files) {
    const source = path.join(copy.from, name)
    if (!(await isThere(fs, source))) continue
    const target = path.join(copy.to, name)
    await ensureDirectory(fs, path.dirname(target), { mode: 0o700 })
    await writeFileDurably(fs, target, await fs.readFile(source), { mode: 0o600 })
  }
}

export async function namesIn(fs: FileSystem, folder: string): Promise<readonly string[]> {
  try {
    return (await fs.readdir(folder)).map((entry) => entry.name)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
