import { updatingName } from '../../protocol/index.ts'
import { tunerError } from '../errors.ts'
import {
  type BeforeImage,
  type FolderJournal,
  localChanges,
  planFolder,
  type SavedImage,
  type TargetImage,
  type TargetItem,
  specialFiles,
  targetOf,
} from '../folders/index.ts'
import { countChanges } from './changes.ts'
import { DiskWatch } from './disk-space.ts'
import { applyChange } from './folder-change.ts'
import { type FolderOptions, FolderRun } from './folder-run.ts'
import type { UpdateContext } from './update-channel.ts'
import { type FolderApplied, refuseConflicts } from './update-folder.ts'

export interface UndoFolderOptions extends FolderOptions {
  /** Called with the release that comes back, 0 for none, before anything changes; may refuse. */
  readonly onTarget?: (release: number) => Promise<void>
}

/**
 * Takes a folder back to how it was before the last change, bit for bit with times and modes.
 * Later local edits go too (C108, C109). Objects that are kept nowhere here are fetched.
 * @throws LW_TUNER_NOTHING_TO_UNDO, LW_TUNER_PROTECTED
 */
export async function undoFolder(
  context: UpdateContext,
  options: UndoFolderOptions,
): Promise<FolderApplied> {
  const run = new FolderRun(context, options)
  const watch = new DiskWatch(context.fs, run.directory)
  try {
    return await undoRun(run, options, watch)
  } catch (error) {
    throw await watch.explain(error)
  }
}

async function undoRun(
  run: FolderRun,
  options: UndoFolderOptions,
  watch: DiskWatch,
): Promise<FolderApplied> {
  const last = await run.state.lastUndo()
  if (last === undefined) {
    throw tunerError('LW_TUNER_NOTHING_TO_UNDO', { untouched: 'Nothing was changed.' })
  }
  const { name, journal } = last
  const held = await run.state.held()
  const disk = await run.scan()
  const local =
    held === undefined ? [] : localChanges(disk, targetOf(held.manifest), run.isProtected)
  const before = journal.from === null ? undefined : await run.state.load(journal.from)
  const after = journal.to === null ? undefined : (await run.state.load(journal.to)).manifest
  const images = await savedImages(run, name, journal)
  const target = targetBefore(after === undefined ? new Map() : targetOf(after), journal, images)
  const plan = planFolder(disk, target, run.isProtected)
  refuseConflicts(plan)
  await options.onTarget?.(journal.from?.release ?? 0)
  const saved = new Map<string, Extract<SavedImage, { kind: 'file' }>>()
  for (const [number, image] of images) {
    const path = journal.steps[number]?.path
    if (image.kind === 'file' && path !== undefined) saved.set(path, image)
  }
  await applyChange(
    run,
    {
      kind: 'undo',
      from: held?.held ?? null,
      to: journal.from,
      steps: plan.steps,
      needed: plan.needed,
      disk,
      // What was edited since the update is what an undo is there to remove (C109).
      undo: null,
      undoes: name,
      saved,
    },
    watch,
  )
  return {
    from: held?.held.release ?? 0,
    to: journal.from?.release ?? 0,
    changes:
      before === undefined
        ? { added: 0, changed: 0, removed: plan.steps.length, unchanged: 0 }
        : countChanges(held?.manifest, before.manifest),
    fetched: undefined,
    localChanges: local,
    special: specialFiles(disk, target),
  }
}

async function savedImages(
  run: FolderRun,
  name: string,
  journal: FolderJournal,
): Promise<ReadonlyMap<number, SavedImage>> {
  const images = new Map<number, SavedImage>()
  for (const number of journal.steps.keys()) {
    const image = await run.state.savedImage(name, number)
    if (image !== undefined) images.set(number, image)
  }
  return images
}

/** The image before a change: its result, overlaid with what lay at the paths that it touched. */
function targetBefore(
  after: TargetImage,
  journal: FolderJournal,
  images: ReadonlyMap<number, SavedImage>,
): TargetImage {
  const target = new Map(after)
  const removed = new Set<string>()
  for (const [number, step] of journal.steps.entries()) {
    if (step.do === 'times') continue
    const foreseen = 'before' in step ? step.before : undefined
    const item = itemOf(images.get(number) ?? foreseen)
    if (item !== undefined) target.set(step.path, item)
    // What was removed before something else was put at its path is what lay there.
    else if (!removed.has(step.path)) target.delete(step.path)
    if (step.do === 'remove' || step.do === 'rmdir') removed.add(step.path)
  }
  for (const { path, mode, mtimeMs } of journal.folders) {
    target.set(path, { kind: 'directory', mode, mtimeMs })
  }
  // Folders that hold something of the earlier image were there.
  for (const entry of [...target.keys()]) {
    for (let at = entry.indexOf('/'); at !== -1; at = entry.indexOf('/', at + 1)) {
      const folder = entry.slice(0, at)
      if (target.get(folder)?.kind !== 'directory') target.set(folder, { kind: 'directory' })
    }
  }
  target.delete(updatingName)
  return target
}

function itemOf(image: BeforeImage | SavedImage | undefined): TargetItem | undefined {
  switch (image?.kind) {
    case 'file': {
      const { kind, sha256, size, mode, mtimeMs } = image
      return { kind, sha256, size, mode, mtimeMs, exact: true }
    }
    case 'symlink':
    case 'directory':
      return image
    default:
      return undefined
  }
}
