import path from 'node:path'
import {
  fetchObjects,
  hashHandle,
  type StagingArea,
  type WantedObject,
} from '../../mirroring/index.ts'
import type { Digest } from '../../protocol/index.ts'
import { isErrno } from '../../store/durable-files/index.ts'
import {
  type DiskImage,
  type FolderJournal,
  type FolderTimes,
  type HeldRelease,
  journalFormat,
  type SavedImage,
  type Step,
} from '../folders/index.ts'
import type { DiskWatch } from './disk-space.ts'
import type { FolderRun } from './folder-run.ts'

type SavedFile = Extract<SavedImage, { kind: 'file' }>

/** A change of a folder that was planned and not begun. */
export interface FolderChange {
  readonly kind: FolderJournal['kind']
  readonly from: HeldRelease | null
  readonly to: HeldRelease | null
  readonly steps: readonly Step[]
  /** Objects that the steps place. */
  readonly needed: ReadonlyMap<Digest, number>
  readonly disk: DiskImage
  readonly undo: string | null
  readonly undoes: string | null
  /** Files of an undo area by the path that they had; their bytes were verified. */
  readonly saved: ReadonlyMap<string, SavedFile>
}

/** Digest to a path of the folder that had these bytes when it was scanned. */
export function contentIndex(disk: DiskImage): ReadonlyMap<Digest, string> {
  const index = new Map<Digest, string>()
  for (const [entry, item] of disk) if (item.kind === 'file') index.set(item.sha256, entry)
  return index
}

/** Gathers every object, prepares, and takes the change to its end. */
export async function applyChange(
  run: FolderRun,
  change: FolderChange,
  disk: DiskWatch,
): Promise<void> {
  if (change.steps.length === 0) {
    if (change.to?.manifest !== change.from?.manifest) await run.state.setHeld(change.to)
    if (change.undoes !== null) await run.state.removeUndo(change.undoes)
    await run.transaction.discardWork()
    return
  }
  const journal: FolderJournal = {
    format: journalFormat,
    subscription: run.subscription.id,
    directory: run.directory,
    kind: change.kind,
    from: change.from,
    to: change.to,
    undo: change.undo,
    undoes: change.undoes,
    folders: disturbedFolders(change),
    steps: change.steps,
  }
  await run.withStaging(async (staging, work) => {
    await gather(run, change, { staging, disk })
    run.context.signal?.throwIfAborted()
    await run.transaction.prepare(work, journal, {
      fileOf: (digest) => staging.objectPath(digest),
      savedFileOf: (entry) => change.saved.get(entry)?.file,
    })
  })
  await run.complete({ journal, isRolled: false })
}

/** Puts every needed object into staging: from what lies here where its bytes are right. */
async function gather(
  run: FolderRun,
  change: FolderChange,
  into: { readonly staging: StagingArea; readonly disk: DiskWatch },
): Promise<void> {
  const { staging, disk } = into
  const index = contentIndex(change.disk)
  const saved = new Map([...change.saved.values()].map((one) => [one.sha256, one.file]))
  const missing: WantedObject[] = []
  const placed = change.steps.filter((step) => step.do === 'place').length
  await disk.require({ bytes: twinBytes(change.steps), names: placed, isExact: true })
  for (const [sha256, size] of change.needed) {
    if (staging.has(sha256)) continue
    const entry = index.get(sha256)
    const source =
      saved.get(sha256) ??
      (entry === undefined ? undefined : path.join(run.directory, ...entry.split('/')))
    if (source !== undefined) await copyVerified(run, { staging, sha256, source })
    if (!staging.has(sha256)) missing.push({ sha256, size, mime: '' })
  }
  if (missing.length === 0) return
  // Another look at the network for what was edited since the scan, or is kept nowhere here.
  const bytes = missing.reduce((sum, object) => sum + object.size, 0)
  await disk.require({ bytes, names: missing.length, isExact: true })
  const { fs: _fs, ...fetching } = run.context
  await fetchObjects({ ...fetching, staging }, missing)
}

/** Bytes of second files with the same content: each path gets an inode of its own. */
function twinBytes(steps: readonly Step[]): number {
  const seen = new Set<Digest>()
  let bytes = 0
  for (const step of steps) {
    if (step.do !== 'place' || step.item.kind !== 'file') continue
    if (seen.has(step.item.sha256)) bytes += step.item.size
    seen.add(step.item.sha256)
  }
  return bytes
}

/** Folders in which names change, as they are now: an undo brings their times back. */
function disturbedFolders(change: FolderChange): readonly FolderTimes[] {
  const folders = new Map<string, FolderTimes>()
  for (const step of change.steps) {
    const slash = step.path.lastIndexOf('/')
    const parent = slash === -1 ? '' : step.path.slice(0, slash)
    const item = change.disk.get(parent)
    if (item?.kind !== 'directory' || folders.has(parent)) continue
    folders.set(parent, { path: parent, mode: item.mode, mtimeMs: item.mtimeMs })
  }
  return [...folders.values()]
}

/** Copies bytes that lie here already, and keeps the copy only when it has the wanted digest. */
async function copyVerified(
  run: FolderRun,
  copy: { readonly staging: StagingArea; readonly sha256: Digest; readonly source: string },
): Promise<void> {
  const { fs } = run.context
  const { staging, sha256, source } = copy
  const target = staging.scratchPath(`copy-${sha256}`)
  try {
    await fs.copyFile(source, target, { clone: 'try' })
  } catch (error) {
    // Gone or changed since it was looked at: the network has it.
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'ELOOP')) return
    throw error
  }
  await fs.chmod(target, 0o600)
  const handle = await fs.open(target, 'r')
  const actual = await hashHandle(handle).finally(() => handle.close())
  if (actual === sha256) await staging.adoptFile(sha256, target)
  else await fs.unlink(target)
}
