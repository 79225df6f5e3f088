import type { Manifest } from '../../protocol/index.ts'
import { tunerError } from '../errors.ts'
import { type DiskImage, planFolder, targetOf } from '../folders/index.ts'
import { updateLimits as limits } from './limits.ts'

/** What a first release would do to a folder that is not empty. */
interface Foreseen {
  readonly replaced: readonly string[]
  readonly removed: readonly string[]
  /** Entries that are as the release has them, protected, or no part of it. */
  readonly kept: number
}

/** A folder that nobody keeps yet, as it lies there. */
export interface ForeignFolder {
  readonly directory: string
  readonly disk: DiskImage
  readonly isProtected: (path: string) => boolean
}

/**
 * Refuses to take a folder over, with what the release would do to it: counts and first names, so
 * that a person can decide before anything is fetched or changed.
 * @throws LW_TUNER_FOLDER_NOT_EMPTY always
 */
export function refuseAdoption(folder: ForeignFolder, manifest: Manifest): never {
  const { replaced, removed, kept } = foresee(folder, manifest)
  throw tunerError('LW_TUNER_FOLDER_NOT_EMPTY', {
    detail: `In ${folder.directory}, release ${manifest.release} would replace ${listed(replaced)} and remove ${listed(removed)}; ${kept} would stay.`,
    untouched: 'The folder is as it was.',
    next: 'Add --adopt to take it over: what is replaced or removed is saved for undo. --protect GLOB keeps files.',
    members: {
      replaced: replaced.length,
      removed: removed.length,
      kept,
      paths: [...replaced, ...removed].slice(0, limits.changesNamedMax),
    },
  })
}

function foresee({ disk, isProtected }: ForeignFolder, manifest: Manifest): Foreseen {
  const replaced: string[] = []
  const removed: string[] = []
  for (const step of planFolder(disk, targetOf(manifest), isProtected).steps) {
    if (step.do === 'place' && step.before !== undefined) replaced.push(step.path)
    else if (step.do === 'remove' || step.do === 'rmdir') removed.push(step.path)
  }
  // The folder itself is an entry of its image.
  return { replaced, removed, kept: disk.size - 1 - replaced.length - removed.length }
}

function listed(paths: readonly string[]): string {
  if (paths.length === 0) return 'nothing'
  const shown = paths.slice(0, limits.changesShown).map((path) => JSON.stringify(path))
  const more = paths.length - shown.length
  const rest = more === 0 ? '' : ` and ${more} more`
  return `${paths.length} (${shown.join(', ')}${rest})`
}
