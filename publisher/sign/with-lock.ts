import { acquireLock, ensureDirectory } from '../../store/durable-files/index.ts'
import type { PublisherContext } from './publisher-context.ts'

/**
 * Runs work as the one owner of a folder that holds nothing but the lock.
 * @throws LW_STORE_LOCKED
 */
export async function withLock<T>(
  context: PublisherContext,
  folder: string,
  work: () => Promise<T>,
): Promise<T> {
  const { fileSystem, randomness, clock } = context
  await ensureDirectory(fileSystem, folder, { mode: 0o700 })
  const lock = await acquireLock(fileSystem, folder, { randomness, clock })
  try {
    return await work()
  } finally {
    // What the work found matters more; a claim that stays is void once this process has ended.
    await lock.release().catch(() => undefined)
  }
}
