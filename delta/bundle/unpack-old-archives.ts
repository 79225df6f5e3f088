import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { PoolReader } from '../objects/pool-reader.ts'
import type { Scratch } from '../objects/scratch.ts'
import type { BaseObject, BuildPlan } from '../planning/build-plan.ts'
import type { OldView } from '../planning/pool-layout.ts'
import { gathering } from './gathering.ts'
import { loadArchives } from './load-archives.ts'

/** Adds the views of old archives to the pool, through files of the scratch space. */
export async function unpackOldArchives(
  plan: BuildPlan,
  indices: readonly number[],
  places: { readonly pool: PoolReader; readonly scratch: Scratch },
): Promise<OldView[]> {
  const { pool, scratch } = places
  const views: OldView[] = []
  if (indices.length === 0) return views
  const { unpackForBase } = await loadArchives()
  let left: number = deltaLimits.viewBytesMax
  for (const index of indices) {
    const { position, size } = plan.base[index] as BaseObject
    const packed = await scratch.create()
    await packed.fill(pool.part(position, size))
    const unpacked = await scratch.create()
    const sink = gathering((bytes) => unpacked.write(bytes))
    const view = unpackForBase(packed, sink.push, { viewBytesMax: left })
    sink.flush()
    await packed.remove()
    if (view === undefined) {
      throw deltaError('LW_DELTA_FORMAT', {
        detail: 'An old object is not the archive that it should be.',
      })
    }
    const { viewBytes } = view
    left -= viewBytes
    pool.append({ position: pool.bytes, size: viewBytes, open: async () => unpacked.reader() })
    views.push({ index, viewBytes })
  }
  return views
}
