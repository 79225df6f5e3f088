import path from 'node:path'
import {
  type FileSystem,
  isErrno,
  isTemporaryName,
  removeTree,
} from '../../store/durable-files/index.ts'
import type { TunerContext } from '../context.ts'
import { operationLimits as limits } from './limits.ts'

/**
 * Removes what dead processes left in a tuner's home outside of its subscriptions. Those who
 * contend for the home write there, too: in its own folder only what is old is nobody's.
 */
export async function tidyHome(
  context: Pick<TunerContext, 'fs' | 'directory' | 'clock'>,
): Promise<void> {
  const { fs, directory, clock } = context
  for (const name of await temporariesIn(fs, directory)) {
    const file = path.join(directory, name)
    const stats = await fs.lstat(file).catch(ignoreAbsence)
    if (stats === undefined || clock.now() - stats.mtimeMs < limits.litterAgeMs) continue
    await removeTree(fs, file)
  }
  // Here nobody but the owner writes.
  for (const folder of ['channels', 'folders']) {
    const room = path.join(directory, folder)
    for (const name of await temporariesIn(fs, room)) await removeTree(fs, path.join(room, name))
  }
}

async function temporariesIn(fs: FileSystem, folder: string): Promise<readonly string[]> {
  const entries = (await fs.readdir(folder).catch(ignoreAbsence)) ?? []
  return entries.map((entry) => entry.name).filter(isTemporaryName)
}

function ignoreAbsence(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT')) throw error
}
