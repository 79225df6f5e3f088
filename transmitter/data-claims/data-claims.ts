import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  acquireLock,
  ensureDirectory,
  type FileSystem,
  type FolderLock,
} from '../../store/durable-files/index.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** One process's place among those that serve the same data. */
export interface DataClaim {
  /** Whether nobody else served this data when the claim was made. */
  readonly isAlone: boolean
  release(): Promise<void>
}

/**
 * Several transmitters may serve one data folder (C47); what only its single user may do, such as
 * removing files under way, needs to know that there is no other. Each process takes one of a few
 * numbered places; a dead one's is free again. Starts happen one at a time behind a door, so
 * that nobody begins to serve while another cleans up.
 * @param whenAlone runs behind the door when nobody else has a place
 * @throws LW_TRANSMIT_TOO_MANY_PROCESSES, LW_STORE_LOCKED
 */
export async function claimData(
  fs: FileSystem,
  directory: string,
  whenAlone: () => Promise<void>,
): Promise<DataClaim> {
  const folder = await claimsFolder(fs, directory)
  const door = await openDoor(fs, folder)
  try {
    const { place, free } = await takePlaces(fs, folder)
    if (place === undefined) throw transmitterError('LW_TRANSMIT_TOO_MANY_PROCESSES')
    const isAlone = free === limits.processesMax
    try {
      if (isAlone) await whenAlone()
    } catch (error) {
      await place.release()
      throw error
    }
    return { isAlone, release: () => place.release() }
  } finally {
    await door.release()
  }
}

/**
 * Runs work that nobody may serve beside.
 * @throws LW_STORE_LOCKED when a transmitter uses the data
 */
export async function withDataAlone<T>(
  fs: FileSystem,
  directory: string,
  work: () => Promise<T>,
): Promise<T> {
  const folder = await claimsFolder(fs, directory)
  const door = await openDoor(fs, folder)
  try {
    const places = await allPlaces(fs, folder)
    try {
      return await work()
    } finally {
      for (const place of places) await place.release()
    }
  } finally {
    await door.release()
  }
}

async function claimsFolder(fs: FileSystem, directory: string): Promise<string> {
  const folder = path.join(directory, 'claims')
  await ensureDirectory(fs, folder, { mode: 0o700 })
  return folder
}

function placeName(number: number): string {
  return `place-${String(number).padStart(2, '0')}`
}

/** Takes the first free place and counts the free ones. */
async function takePlaces(
  fs: FileSystem,
  folder: string,
): Promise<{ readonly place: FolderLock | undefined; readonly free: number }> {
  const used = new Set((await fs.readdir(folder)).map((entry) => entry.name.split('.')[0]))
  let place: FolderLock | undefined
  let free = 0
  for (let number = 0; number < limits.processesMax; number++) {
    const name = placeName(number)
    // A place without any file is free: no need to take it to see that.
    if (place !== undefined && !used.has(name)) {
      free++
      continue
    }
    const taken = await tryLock(fs, folder, name)
    if (taken === undefined) continue
    free++
    if (place === undefined) place = taken
    else await taken.release()
  }
  return { place, free }
}

async function allPlaces(fs: FileSystem, folder: string): Promise<readonly FolderLock[]> {
  const places: FolderLock[] = []
  try {
    for (let number = 0; number < limits.processesMax; number++) {
      places.push(await acquireLock(fs, folder, { name: placeName(number) }))
    }
    return places
  } catch (error) {
    for (const place of places) await place.release()
    throw error
  }
}

async function tryLock(
  fs: FileSystem,
  folder: string,
  name: string,
): Promise<FolderLock | undefined> {
  try {
    return await acquireLock(fs, folder, { name })
  } catch (error) {
    if (isLongwaveError(error, 'LW_STORE_LOCKED')) return undefined
    throw error
  }
}

/** Waits while another process starts. */
async function openDoor(fs: FileSystem, folder: string): Promise<FolderLock> {
  const attempts = Math.ceil(limits.startWaitMs / limits.startRetryMs)
  for (let attempt = 1; ; attempt++) {
    try {
      return await acquireLock(fs, folder, { name: 'door' })
    } catch (error) {
      if (!isLongwaveError(error, 'LW_STORE_LOCKED') || attempt >= attempts) throw error
      await pause(limits.startRetryMs)
    }
  }
}
