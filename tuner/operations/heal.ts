import { fetchObjects, StagingArea } from '../../mirroring/index.ts'
import { isLongwaveError } from '../../protocol/index.ts'
import { inParallel, isErrno } from '../../store/durable-files/index.ts'
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

/** Heals what stat does not vouch for; the whole proof is `verify`. */
export async function healQuickly(
  updates: UpdateContext,
  store: GenerationStore,
  current: Generation,
): Promise<readonly Damage[]> {
  let isDoubtful = false
  await inParallel(current.files.keys(), generationLimits.concurrentFiles, async (index) => {
    if (!isDoubtful && !(await current.isVouchedFor(index))) isDoubtful = true
  })
  return isDoubtful ? healDamages(updates, store, current) : []
}

/** Verifies a generation and fetches only what is damaged (C83). */
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
    await store.clearStaging()
  } catch (error) {
    if (isErrno(error) && !isLongwaveError(error)) await store.clearStaging().catch(() => undefined)
    throw await disk.explain(error)
  }
  return damages
}
