import { lstat, realpath } from 'node:fs/promises'
import path from 'node:path'
import { deltaError } from '../errors.ts'

/**
 * Refuses to put something where something lies.
 * @throws LW_DELTA_EXISTS
 */
export async function refuseExisting(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined)
  if (found === undefined) return
  throw deltaError('LW_DELTA_EXISTS', {
    detail: `${target} exists.`,
    untouched: 'It is as it was.',
    next: `Remove it, or give another name.`,
  })
}

/**
 * Refuses a place for a delta that is taken, or where it would become a part of what it is made of.
 * @throws LW_DELTA_EXISTS, LW_DELTA_MAKE when the folder that should hold it is none
 */
export async function requireFreePlace(target: string, trees: readonly string[]): Promise<void> {
  const folder = path.dirname(target)
  const real = await realpath(folder).catch((cause: unknown) => {
    throw deltaError('LW_DELTA_MAKE', {
      detail: `There is no folder ${folder} for the result.`,
      untouched: 'Nothing was written.',
      next: `mkdir -p ${folder}`,
      cause,
    })
  })
  await refuseExisting(target)
  for (const tree of trees) {
    const root = await realpath(tree)
    if (real !== root && !real.startsWith(root.endsWith(path.sep) ? root : root + path.sep))
      continue
    throw deltaError('LW_DELTA_EXISTS', {
      detail: `${target} lies inside ${tree}, of which the delta is made.`,
      untouched: 'Nothing was written.',
      next: 'Give a name outside of both.',
    })
  }
}
