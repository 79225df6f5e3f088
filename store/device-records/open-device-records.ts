import path from 'node:path'
import { Level } from 'level'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  type DirectoryEntry,
  type FileSystem,
  ensureDirectory,
  fileFailure,
  isErrno,
  nodeFileSystem,
} from '../durable-files/index.ts'
import type { DeviceRecords } from './device-records.ts'
import { levelFailure } from './level-failure.ts'
import { LevelRecords, type LevelStore, sealKey } from './level-records.ts'
import {
  type Seal,
  checkOf,
  damage,
  emptySeal,
  encodeSeal,
  openValue,
  parseSeal,
  sealValue,
} from './sealed-values.ts'
import { SequenceFile } from './sequence-file.ts'

export interface DeviceRecordsOptions {
  /** Made when it is missing, for this user only. */
  readonly directory: string
  readonly fileSystem?: FileSystem
}

/**
 * Opens a device's records for this process alone and checks every one of them.
 * @throws LW_STORE_LOCKED when another process has them open
 * @throws LW_STORE_RECORDS_DAMAGED: set them aside with `setDeviceRecordsAside` and rebuild
 */
export async function openDeviceRecords(options: DeviceRecordsOptions): Promise<DeviceRecords> {
  const fs = options.fileSystem ?? nodeFileSystem
  const sequenceFile = new SequenceFile(fs, options.directory)
  try {
    await ensureDirectory(fs, options.directory, { mode: 0o700 })
    const durable = await sequenceFile.load()
    await refuseStrangeFiles(fs, path.join(options.directory, 'level'))
    const level = await openLevel(options.directory, durable === undefined)
    try {
      const seal = await checkRecords(level, durable)
      if (durable === undefined) await sequenceFile.create()
      return new LevelRecords({ level, sequenceFile, seal })
    } catch (error) {
      await level.close()
      throw error
    }
  } catch (error) {
    throw fileFailure(error, 'the records were being opened')
  }
}

/** Of the database's own code a pipe, a device or a file without end takes for ever to read. */
async function refuseStrangeFiles(fs: FileSystem, folder: string): Promise<void> {
  let entries: readonly DirectoryEntry[]
  try {
    entries = await fs.readdir(folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return
    if (isErrno(error, 'ENOTDIR')) throw damage('A file lies where their folder belongs.', error)
    throw error
  }
  if (entries.some((entry) => entry.type !== 'file')) {
    throw damage('What lies in their folder is not files alone.')
  }
  if (!entries.some((entry) => entry.name === currentFile)) return
  const { size } = await fs.stat(path.join(folder, currentFile))
  if (size > limits.recordsCurrentBytesMax) throw damage(`Their file ${currentFile} was altered.`)
}

/** Names the database's newest manifest, in a line. */
const currentFile = 'CURRENT'

async function openLevel(directory: string, createIfMissing: boolean): Promise<LevelStore> {
  const level: LevelStore = new Level(path.join(directory, 'level'), {
    createIfMissing,
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  })
  try {
    await level.open()
    return level
  } catch (error) {
    throw levelFailure(error)
  }
}

/** Reads every record; returns the seal that they fulfil. */
async function checkRecords(level: LevelStore, durable: number | undefined): Promise<Seal> {
  let stored: string | undefined
  let count = 0
  let sum = 0n
  try {
    for await (const [key, value] of level.iterator()) {
      const json = openValue(key, value)
      if (key === sealKey) {
        stored = json
        continue
      }
      count++
      sum += checkOf(value)
    }
  } catch (error) {
    throw levelFailure(error)
  }
  if (stored === undefined) return sealNew(level, { count, durable })
  const seal = parseSeal(stored)
  if (seal.count !== count || seal.sum !== BigInt.asUintN(64, sum)) {
    throw damage('Some are missing or of an older state.')
  }
  // Without the file nothing says that the end of the log is there.
  if (durable === undefined && seal.sequence > 0) throw damage('Their sequence file is missing.')
  if (durable !== undefined && seal.sequence < durable) throw damage('The newest are missing.')
  return seal
}

async function sealNew(
  level: LevelStore,
  found: { readonly count: number; readonly durable: number | undefined },
): Promise<Seal> {
  if (found.count > 0 || found.durable !== undefined) throw damage('Their seal is missing.')
  await level.put(sealKey, sealValue(sealKey, encodeSeal(emptySeal)), { sync: true })
  return emptySeal
}

/**
 * Moves records that cannot be used out of the way, so that new ones can be opened in their place;
 * returns where they lie now. They must not be open.
 */
export async function setDeviceRecordsAside(options: DeviceRecordsOptions): Promise<string> {
  const fs = options.fileSystem ?? nodeFileSystem
  try {
    const aside = await makeAside(fs, options.directory)
    // The sequence last: half a move still looks damaged, never like new records.
    for (const name of ['level', 'sequence']) {
      await moveIfPresent(fs, path.join(options.directory, name), path.join(aside, name))
    }
    await fs.syncDirectory(aside)
    await fs.syncDirectory(options.directory)
    return aside
  } catch (error) {
    throw fileFailure(error, 'damaged records were being set aside')
  }
}

async function makeAside(fs: FileSystem, directory: string): Promise<string> {
  const names = new Set((await fs.readdir(directory)).map((entry) => entry.name))
  for (let number = 1; number <= limits.recordsAsideMax; number++) {
    const name = `damaged-${number}`
    if (names.has(name)) continue
    const aside = path.join(directory, name)
    await fs.mkdir(aside, { mode: 0o700 })
    return aside
  }
  throw storeError('LW_STORE_LIMIT', {
    detail: `${limits.recordsAsideMax} damaged states lie beside the records already.`,
    next: 'Remove them: the disk or the memory of this machine may be failing.',
  })
}

async function moveIfPresent(fs: FileSystem, from: string, to: string): Promise<void> {
  const names = (await fs.readdir(path.dirname(from))).map((entry) => entry.name)
  if (names.includes(path.basename(from))) await fs.rename(from, to)
}
