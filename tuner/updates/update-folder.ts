import path from 'node:path'
import { type FetchedRelease, fetchRelease, type ReleaseBase } from '../../mirroring/index.ts'
import { type Digest, isLongwaveError, totalsOf } from '../../protocol/index.ts'
import { type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import { tunerError } from '../errors.ts'
import {
  type DiskImage,
  type FolderPlan,
  type HeldManifest,
  type HeldRelease,
  type LocalChange,
  localChanges,
  planFolder,
  specialFiles,
  targetOf,
} from '../folders/index.ts'
import { type ForeignFolder, refuseAdoption } from './adoption.ts'
import { countChanges } from './changes.ts'
import { DiskWatch } from './disk-space.ts'
import { applyChange, contentIndex } from './folder-change.ts'
import { type FolderOptions, FolderRun } from './folder-run.ts'
import { requirePathRoom } from './path-room.ts'
import { requireCapabilities, requireNoReservedName } from './requirements.ts'
import { type Applied, nameAtOrigin, type UpdateContext } from './update-channel.ts'

export interface FolderApplied extends Applied {
  /** Local changes that were saved for undo and mirrored away. */
  readonly localChanges: readonly LocalChange[]
  /** Sockets, pipes and devices that were left where they are. */
  readonly special: readonly string[]
}

export interface UpdateFolderOptions extends FolderOptions {
  readonly head: ReleaseTarget
  /** Called with the local changes before they go; throws to refuse. */
  readonly onLocalChanges?: (changes: readonly LocalChange[]) => Promise<void> | void
  /** A folder that nobody keeps yet and that is not empty is refused, with what would change. */
  readonly refuseForeign?: boolean
  /** Takes the folder over as if it were new when the tuner's state of it is damaged. */
  readonly adopt?: boolean
}

/** Lists what is different in a folder from what it shall hold, reading every file. */
export async function folderDifferences(
  context: UpdateContext,
  options: FolderOptions,
): Promise<readonly LocalChange[]> {
  const run = new FolderRun(context, options)
  const held = await run.state.held()
  const disk = await run.scan('full')
  return held === undefined ? [] : localChanges(disk, targetOf(held.manifest), run.isProtected)
}

/** What a folder holds, in the words of signed metadata: enough to mend it without the network. */
export function targetOfHeld(held: HeldManifest): ReleaseTarget {
  return {
    sha256: held.held.manifest,
    bytes: held.manifestBytes.byteLength,
    release: held.held.release,
    ...(held.held.label === undefined ? {} : { label: held.held.label }),
    ...totalsOf(held.manifest),
  }
}

/**
 * Brings a synchronized folder to the verified head in place: everything is fetched, made complete
 * and written down before the first file changes; local changes are saved for undo (C105, C114).
 * @throws LW_TUNER_FOLDER_GONE, LW_TUNER_PROTECTED, LW_TUNER_DISK_SPACE, LW_MIRROR_…
 */
export async function updateFolder(
  context: UpdateContext,
  options: UpdateFolderOptions,
): Promise<FolderApplied> {
  const run = new FolderRun(context, options)
  const watch = new DiskWatch(context.fs, run.directory)
  try {
    return await updateRun(run, options, watch)
  } catch (error) {
    throw await watch.explain(error)
  }
}

async function updateRun(
  run: FolderRun,
  options: UpdateFolderOptions,
  watch: DiskWatch,
): Promise<FolderApplied> {
  const { head } = options
  const held = await heldOf(run, options)
  const disk = await run.scan()
  const local =
    held === undefined
      ? foreignFiles(disk, run.isProtected)
      : localChanges(disk, targetOf(held.manifest), run.isProtected)
  if (local.length > 0 && options.refuseForeign !== true) await options.onLocalChanges?.(local)
  const isHeld = held?.held.manifest === head.sha256
  const foreign =
    options.refuseForeign === true && held === undefined && disk.size > 1
      ? { directory: run.directory, disk, isProtected: run.isProtected }
      : undefined
  const fetched = isHeld ? undefined : await fetchInto(run, { head, held, disk, watch, foreign })
  const manifest = fetched?.manifest ?? held?.manifest
  if (manifest === undefined) throw new TypeError('no manifest')
  const plan = planFolder(disk, targetOf(manifest), run.isProtected)
  refuseConflicts(plan)
  const to: HeldRelease = {
    release: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    manifest: head.sha256,
  }
  if (fetched !== undefined) await run.state.keepManifest(head.sha256, fetched.manifestBytes)
  await applyChange(
    run,
    {
      kind: 'update',
      from: held?.held ?? null,
      to,
      steps: plan.steps,
      needed: plan.needed,
      disk,
      undo: await run.nextUndoName(),
      undoes: null,
      saved: new Map(),
    },
    watch,
  )
  return {
    from: held?.held.release ?? 0,
    to: head.release,
    changes: countChanges(held?.manifest, manifest),
    fetched,
    localChanges: local,
    special: specialFiles(disk, targetOf(manifest)),
  }
}

async function heldOf(
  run: FolderRun,
  options: UpdateFolderOptions,
): Promise<HeldManifest | undefined> {
  try {
    return await run.state.held()
  } catch (error) {
    if (options.adopt === true && isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')) return undefined
    throw error
  }
}

/** @throws LW_TUNER_PROTECTED */
export function refuseConflicts(plan: FolderPlan): void {
  const [first] = plan.conflicts
  if (first === undefined) return
  throw tunerError('LW_TUNER_PROTECTED', {
    detail: `${JSON.stringify(first)} is protected or holds what is, or a socket, pipe or device; the release has something else there.`,
    untouched: 'The folder is as it was.',
    next: 'Move what lies there away, or subscribe again without that --protect.',
    members: { paths: plan.conflicts.slice(0, 100) },
  })
}

/** Before the first release everything that lies there is foreign. */
function foreignFiles(
  disk: DiskImage,
  isProtected: (entry: string) => boolean,
): readonly LocalChange[] {
  return [...disk]
    .filter(([entry, { kind }]) => kind !== 'directory' && kind !== 'other' && !isProtected(entry))
    .map(([entry]) => ({ path: entry, what: 'added' as const }))
}

function fetchInto(
  run: FolderRun,
  options: {
    readonly head: ReleaseTarget
    readonly held: HeldManifest | undefined
    readonly disk: DiskImage
    readonly watch: DiskWatch
    readonly foreign: ForeignFolder | undefined
  },
): Promise<FetchedRelease> {
  const { head, held, disk, watch, foreign } = options
  const { fs, ...fetching } = run.context
  return run.withStaging((staging) =>
    fetchRelease({
      ...fetching,
      staging,
      channel: run.subscription.channel,
      name: nameAtOrigin(run.subscription),
      head,
      base: held === undefined ? undefined : folderBase(fs, run.directory, { held, disk }),
      requireSpace: (need) => watch.require(need),
      requireManifest: (manifest) => {
        requireCapabilities(run.subscription, manifest)
        requirePathRoom(manifest, run.directory)
        requireNoReservedName(manifest)
        if (foreign !== undefined) refuseAdoption(foreign, manifest)
      },
    }),
  )
}

/** The held release as a base: objects are where the scan found their bytes. */
function folderBase(
  fs: FileSystem,
  directory: string,
  at: { readonly held: HeldManifest; readonly disk: DiskImage },
): ReleaseBase {
  const index = contentIndex(at.disk)
  return {
    release: at.held.held.release,
    manifestBytes: at.held.manifestBytes,
    manifest: at.held.manifest,
    has: (digest) => index.has(digest),
    source: {
      open: async (digest: Digest) => {
        const entry = index.get(digest)
        const handle =
          entry === undefined
            ? undefined
            : await openIfPresent(fs, path.join(directory, ...entry.split('/')))
        if (handle === undefined) {
          throw tunerError('LW_TUNER_NO_GENERATION', { detail: 'An object is not held.' })
        }
        const { size } = await handle.stat()
        return {
          size,
          read: (position, into) => handle.read(position, into),
          close: () => handle.close(),
        }
      },
    },
  }
}

async function openIfPresent(fs: FileSystem, file: string) {
  try {
    return await fs.open(file, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP')) return undefined
    throw error
  }
}
