import path from 'node:path'
import ignore from 'ignore'
import {
  type FetchedRelease,
  fetchObjects,
  fetchRelease,
  hashHandle,
  StagingArea,
  type WantedObject,
} from '../../mirroring/index.ts'
import { type Digest, parseChannelAddress } from '../../protocol/index.ts'
import { removeTree } from '../../store/durable-files/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import { tunerError } from '../errors.ts'
import {
  type BeforeImage,
  type DiskImage,
  FolderState,
  FolderTransaction,
  type FolderJournal,
  type HeldManifest,
  type HeldRelease,
  journalFormat,
  type LocalChange,
  localChanges,
  memoryOf,
  planFolder,
  scanFolder,
  type Step,
  type TargetImage,
  type TargetItem,
  targetOf,
  updatingName,
} from '../folders/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { countChanges } from './changes.ts'
import { requireSpace } from './disk-space.ts'
import type { Applied, UpdateContext } from './update-channel.ts'

/** Undo areas that are kept of a folder. */
const undoKept = 3

export interface FolderOptions {
  readonly subscription: Subscription
  /** Where the tuner keeps the folder's state. */
  readonly stateDirectory: string
}

export interface FolderApplied extends Applied {
  /** Local changes that were saved for undo and mirrored away. */
  readonly localChanges: readonly LocalChange[]
}

/** The rooms of one folder, opened for one run. */
class FolderRun {
  readonly context: UpdateContext
  readonly directory: string
  readonly subscription: Subscription
  readonly state: FolderState
  readonly transaction: FolderTransaction
  readonly isProtected: (entry: string) => boolean

  constructor(context: UpdateContext, options: FolderOptions) {
    const { into } = options.subscription
    if (into === undefined) throw new TypeError('not a synchronized folder')
    this.context = context
    this.subscription = options.subscription
    this.directory = into.directory
    this.state = new FolderState({ fs: context.fs, directory: options.stateDirectory })
    this.transaction = new FolderTransaction({ fs: context.fs, directory: into.directory })
    const rules = ignore().add([...into.protect])
    this.isProtected = (entry) => into.protect.length > 0 && rules.ignores(entry)
  }

  async scan(): Promise<DiskImage> {
    const memory = await this.state.scanMemory()
    const { fs, clock, signal } = this.context
    const startedMs = clock.now()
    const disk = await scanFolder({
      fs,
      directory: this.directory,
      ...(memory === undefined ? {} : { memory }),
      ...(signal === undefined ? {} : { signal }),
    })
    await this.state.keepScan(memoryOf(disk, startedMs))
    return disk
  }

  async staging(): Promise<StagingArea> {
    const staging = new StagingArea({
      directory: this.transaction.stagingDirectory,
      fileSystem: this.context.fs,
    })
    await staging.open()
    return staging
  }

  /** Takes a prepared change to its end; the same in recovery. */
  async complete(journal: FolderJournal): Promise<void> {
    await this.transaction.roll(journal)
    await this.state.setHeld(journal.to)
    await this.transaction.finish(journal, this.state.undoDirectory(journal.undo))
    if (journal.kind === 'undo') await this.state.removeUndo('redo')
    await this.state.prune(undoKept)
  }

  async nextUndoName(): Promise<string> {
    const last = (await this.state.undoNames()).at(-1)
    return String(Number(last ?? 0) + 1)
  }
}

/** Finishes a change that a crash interrupted, or clears what was not begun (every command first). */
export async function recoverFolder(
  context: UpdateContext,
  options: FolderOptions,
): Promise<boolean> {
  const run = new FolderRun(context, options)
  const journal = await run.transaction.pending()
  if (journal === undefined) {
    await run.transaction.discardUnprepared()
    return false
  }
  await run.complete(journal)
  return true
}

/** Lists what is different in a folder from what it shall hold. */
export async function folderDifferences(
  context: UpdateContext,
  options: FolderOptions,
): Promise<readonly LocalChange[]> {
  const run = new FolderRun(context, options)
  const held = await run.state.held()
  const disk = await run.scan()
  return held === undefined ? [] : localChanges(disk, targetOf(held.manifest), run.isProtected)
}

/** The release that a folder holds. */
export async function heldRelease(
  context: Pick<UpdateContext, 'fs'>,
  stateDirectory: string,
): Promise<HeldManifest | undefined> {
  return new FolderState({ fs: context.fs, directory: stateDirectory }).held()
}

/**
 * Brings a synchronized folder to the verified head in place: everything is fetched, made complete
 * and written down before the first file changes; local changes are saved for undo (C105, C114).
 */
export async function updateFolder(
  context: UpdateContext,
  options: FolderOptions & {
    readonly head: ReleaseTarget
    /** Called with the local changes before they go; throws to refuse. */
    readonly onLocalChanges?: (changes: readonly LocalChange[]) => Promise<void> | void
  },
): Promise<FolderApplied> {
  const run = new FolderRun(context, options)
  const { head } = options
  const held = await run.state.held()
  const disk = await run.scan()
  const local =
    held === undefined
      ? foreignFiles(disk, run.isProtected)
      : localChanges(disk, targetOf(held.manifest), run.isProtected)
  if (local.length > 0) await options.onLocalChanges?.(local)
  const staging = await run.staging()
  const fetched =
    held?.held.manifest === head.sha256
      ? undefined
      : await fetchInto(run, { head, held, disk, staging })
  const manifest = fetched?.manifest ?? held?.manifest
  if (manifest === undefined) throw new TypeError('no manifest')
  const plan = planFolder(disk, targetOf(manifest), run.isProtected)
  const to: HeldRelease = {
    release: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    manifest: head.sha256,
  }
  if (fetched !== undefined) await run.state.keepManifest(head.sha256, fetched.manifestBytes)
  await change(run, {
    kind: 'update',
    from: held?.held ?? null,
    to,
    steps: plan.steps,
    needed: wantedOf(plan.needed),
    disk,
    staging,
    undo: await run.nextUndoName(),
    saved: new Map(),
  })
  return {
    from: held?.held.release ?? 0,
    to: head.release,
    changes: countChanges(held?.manifest, manifest),
    fetched,
    localChanges: local,
  }
}

/** Before the first release everything that lies there is foreign. */
function foreignFiles(
  disk: DiskImage,
  isProtected: (entry: string) => boolean,
): readonly LocalChange[] {
  return [...disk]
    .filter(([entry, item]) => item.kind !== 'directory' && !isProtected(entry))
    .map(([entry]) => ({ path: entry, what: 'added' as const }))
}

function wantedOf(needed: ReadonlyMap<Digest, number>): readonly WantedObject[] {
  return [...needed].map(([sha256, size]) => ({ sha256, size, mime: '' }))
}

/** Digest to a path of the folder that has these bytes. */
function contentIndex(disk: DiskImage): ReadonlyMap<Digest, string> {
  const index = new Map<Digest, string>()
  for (const [entry, item] of disk) if (item.kind === 'file') index.set(item.sha256, entry)
  return index
}

async function fetchInto(
  run: FolderRun,
  options: {
    readonly head: ReleaseTarget
    readonly held: HeldManifest | undefined
    readonly disk: DiskImage
    readonly staging: StagingArea
  },
): Promise<FetchedRelease> {
  const { head, held, disk, staging } = options
  const index = contentIndex(disk)
  const fileOf = (digest: Digest): string | undefined => {
    const entry = index.get(digest)
    return entry === undefined ? undefined : path.join(run.directory, ...entry.split('/'))
  }
  return fetchRelease({
    ...run.context,
    staging,
    channel: run.subscription.channel,
    name: parseChannelAddress(run.subscription.url).name,
    head,
    base:
      held === undefined
        ? undefined
        : {
            release: held.held.release,
            manifestBytes: held.manifestBytes,
            manifest: held.manifest,
            has: (digest) => index.has(digest),
            source: {
              open: async (digest) => {
                const file = fileOf(digest)
                if (file === undefined) {
                  throw tunerError('LW_TUNER_NO_GENERATION', { detail: 'An object is not held.' })
                }
                const handle = await run.context.fs.open(file, 'r')
                const { size } = await handle.stat()
                return {
                  size,
                  read: (position, into) => handle.read(position, into),
                  close: () => handle.close(),
                }
              },
            },
          },
    onPlan: (plan) =>
      requireSpace(run.context.fs, run.directory, {
        bytes: plan.downloadBytes + head.largestFileBytes,
        names: 64,
      }),
  })
}

interface Change {
  readonly kind: FolderJournal['kind']
  readonly from: HeldRelease | null
  readonly to: HeldRelease | null
  readonly steps: readonly Step[]
  readonly needed: readonly WantedObject[]
  readonly disk: DiskImage
  readonly staging: StagingArea
  readonly undo: string
  /** Files of an undo area with the bytes of objects. */
  readonly saved: ReadonlyMap<Digest, string>
}

/** Gathers every object, prepares, and takes the change to its end. */
async function change(run: FolderRun, options: Change): Promise<void> {
  const { staging, disk, saved, steps } = options
  if (steps.length === 0) {
    if (options.to?.manifest !== options.from?.manifest) await run.state.setHeld(options.to)
    await removeTree(run.context.fs, run.transaction.workDirectory)
    return
  }
  const index = contentIndex(disk)
  for (const object of options.needed) {
    if (staging.has(object.sha256)) continue
    const entry = index.get(object.sha256)
    const source =
      saved.get(object.sha256) ??
      (entry === undefined ? undefined : path.join(run.directory, ...entry.split('/')))
    if (source !== undefined) await copyVerified(run, staging, object.sha256, source)
  }
  const missing = options.needed.filter((object) => !staging.has(object.sha256))
  // Another look at the network for what was edited since the scan, or is kept nowhere here.
  if (missing.length > 0) await fetchObjects({ ...run.context, staging }, missing)
  const journal: FolderJournal = {
    format: journalFormat,
    subscription: run.subscription.id,
    kind: options.kind,
    from: options.from,
    to: options.to,
    undo: options.undo,
    steps,
  }
  await run.transaction.prepare(journal, async (digest) => ({
    file: staging.objectPath(digest),
    take: true,
  }))
  await run.complete(journal)
}

/** Copies bytes that lie here already, and keeps the copy only when it has the wanted digest. */
async function copyVerified(
  run: FolderRun,
  staging: StagingArea,
  digest: Digest,
  source: string,
): Promise<void> {
  const { fs } = run.context
  const copy = staging.scratchPath(`copy-${digest}`)
  try {
    await fs.copyFile(source, copy, { clone: 'try' })
  } catch {
    return
  }
  await fs.chmod(copy, 0o600)
  const handle = await fs.open(copy, 'r')
  const actual = await hashHandle(handle).finally(() => handle.close())
  if (actual === digest) await staging.adoptFile(digest, copy)
  else await fs.unlink(copy)
}

/**
 * Takes a folder back to how it was before the last change, bit for bit with times and modes.
 * Later local edits go too (C108, C109). Objects that are kept nowhere here are fetched.
 * @throws LW_TUNER_NO_GENERATION when nothing can be undone
 */
export async function undoFolder(
  context: UpdateContext,
  options: FolderOptions,
): Promise<FolderApplied> {
  const run = new FolderRun(context, options)
  const name = (await run.state.undoNames()).at(-1)
  const last = name === undefined ? undefined : await run.state.undoJournal(name)
  if (name === undefined || last === undefined) {
    throw tunerError('LW_TUNER_NO_GENERATION', { detail: 'There is nothing to undo.' })
  }
  const held = await run.state.held()
  const disk = await run.scan()
  const local =
    held === undefined ? [] : localChanges(disk, targetOf(held.manifest), run.isProtected)
  const after = last.to === null ? new Map<string, TargetItem>() : targetOf((await run.state.load(last.to)).manifest)
  const target = beforeTarget(after, last)
  const plan = planFolder(disk, target, run.isProtected)
  const saved = new Map<Digest, string>()
  for (const [number, step] of last.steps.entries()) {
    const before = 'before' in step ? step.before : undefined
    if (before?.kind === 'file') {
      saved.set(before.sha256, path.join(run.state.undoDirectory(name), String(number)))
    }
  }
  const staging = await run.staging()
  await change(run, {
    kind: 'undo',
    from: held?.held ?? null,
    to: last.from,
    steps: plan.steps,
    needed: wantedOf(plan.needed),
    disk,
    staging,
    undo: 'redo',
    saved,
  })
  await run.state.removeUndo(name)
  const now = await run.state.held()
  return {
    from: held?.held.release ?? 0,
    to: now?.held.release ?? 0,
    changes:
      now === undefined
        ? { added: 0, changed: 0, removed: plan.steps.length, unchanged: 0 }
        : countChanges(held?.manifest, now.manifest),
    fetched: undefined,
    localChanges: local,
  }
}

/** The image before a change: its result, overlaid with what lay at the paths that it touched. */
function beforeTarget(after: TargetImage, journal: FolderJournal): TargetImage {
  const target = new Map(after)
  const isOf = (image: BeforeImage): TargetItem | undefined => {
    if (image.kind === 'file') return { ...image, exact: true }
    if (image.kind === 'symlink') return image
    if (image.kind === 'directory') return image
    return undefined
  }
  for (const step of journal.steps) {
    if (step.do === 'times') continue
    const before = 'before' in step && step.before !== undefined ? isOf(step.before) : undefined
    if (before === undefined) target.delete(step.path)
    else target.set(step.path, before)
  }
  // Folders that a step made go only when nothing of the earlier image lies in them.
  for (const entry of [...target.keys()]) {
    for (let at = entry.indexOf('/'); at !== -1; at = entry.indexOf('/', at + 1)) {
      const folder = entry.slice(0, at)
      if (target.get(folder)?.kind !== 'directory') target.set(folder, { kind: 'directory' })
    }
  }
  target.delete(updatingName)
  return target
}
