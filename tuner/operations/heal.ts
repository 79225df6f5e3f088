import { fetchObjects, StagingArea } from '../../mirroring/index.ts'
import { isLongwaveError } from '../../protocol/index.ts'
import { inParallel, isErrno } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import {
  type Damage,
  type Generation,
  generationLimits,
  type GenerationStore,
  healGeneration,
  objectsToHeal,
  verifyGeneration,
} from '../generations/index.ts'
import { DiskWatch, type UpdateContext } from '../updates/index.ts'
import { operationLimits as limits } from './limits.ts'

/**
 * Nobody is told that something was mended which still is not as published.
 * @throws LW_TUNER_DAMAGED when any path is left
 */
export function requireMended(left: readonly string[]): void {
  const [first] = left
  if (first === undefined) return
  throw tunerError('LW_TUNER_DAMAGED', {
    detail: `After mending, ${left.length} ${left.length === 1 ? 'entry differs' : 'entries differ'} still, the first: ${JSON.stringify(first)}.`,
    next: 'See what else writes there, and whether its disk is sound; then run the same command again.',
    members: { damages: left.slice(0, limits.damagesNamedMax) },
  })
}

/** Heals what stat does not vouch for; the whole proof is `verify`. */
export async function healQuickly(
  updates: UpdateContext,
  store: GenerationStore,
  current: Generation,
): Promise<readonly Damage[]> {
  return (await isVouchedFor(current)) ? [] : healDamages(updates, store, current)
}

/** Whether every file of a generation has the size, time and mode that it was made with. */
export async function isVouchedFor(current: Generation): Promise<boolean> {
  let isDoubtful = false
  await inParallel(current.files.keys(), generationLimits.concurrentFiles, async (index) => {
    if (!isDoubtful && !(await current.isVouchedFor(index))) isDoubtful = true
  })
  return !isDoubtful
}

/**
 * Verifies a generation and fetches only what is damaged (C83).
 * @returns what was damaged and is as published again
 * @throws LW_TUNER_DAMAGED when it is not
 */
export async function healDamages(
  updates: UpdateContext,
  store: GenerationStore,
  current: Generation,
): Promise<readonly Damage[]> {
  const { fs, ...fetching } = updates
  const damages = await verifyGeneration(fs, current, updates)
  if (damages.length === 0) return []
  const disk = new DiskWatch(fs, store.directory)
  try {
    const staging = new StagingArea({ directory: store.stagingDirectory, fileSystem: fs })
    await staging.open()
    const wanted = objectsToHeal(current, damages)
    const bytes = wanted.reduce((sum, file) => sum + file.size, 0)
    await disk.require({ bytes: 2 * bytes, names: 2 * wanted.length, isExact: true })
    await fetchObjects({ ...fetching, staging }, wanted)
    await healGeneration({ fs, store, generation: current, damages, staging })
    const left = await verifyGeneration(fs, current, updates)
    requireMended(left.map((one) => one.path))
    await store.clearStaging()
  } catch (error) {
    if (isErrno(error) && !isLongwaveError(error)) await store.clearStaging().catch(() => undefined)
    throw await disk.explain(error)
  }
  return damages
}
