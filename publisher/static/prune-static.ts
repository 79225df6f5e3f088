import path from 'node:path'
import { filesOf, parseManifest } from '../../protocol/index.ts'
import { type FileSystem, isErrno, removeIfPresent } from '../../store/durable-files/index.ts'
import { publisherLimits as limits } from '../limits.ts'
import type { KnownRelease } from '../sign/index.ts'
import type { StaticRun } from './static-run.ts'
import type { StaticSite } from './static-site.ts'

export interface Pruned {
  readonly files: number
  readonly bytes: number
}

/** What `pruneStatic` takes. */
export interface PruneOptions {
  /** Newest last, the head among them. */
  readonly releases: readonly KnownRelease[]
  /** How many of them stay whole. */
  readonly keep: number
  /** Versions of the metadata in force. */
  readonly metadata: { readonly targets: number; readonly snapshot: number }
}

/**
 * Removes what no retained release refers to and what has not for a while: objects, bundles to
 * earlier heads, metadata that was replaced. A tuner in the middle of an update gets the time to
 * finish it.
 */
export async function pruneStatic(run: StaticRun, options: PruneOptions): Promise<Pruned> {
  const { site, context } = run
  const fs = context.fileSystem
  const kept = options.releases.slice(-options.keep)
  const objects = await objectsOf(site, kept)
  // Of a release that cannot be read nobody knows what it needs: then everything stays.
  if (objects === undefined) return { files: 0, bytes: 0 }
  const nowMs = context.clock.now()
  const folder = path.join(site.directory, 'objects')
  await noteLeaving(run, options, objects)
  const before = nowMs - limits.staticGraceMs
  const isOldObject = (name: string) => !objects.has(name.replace(/\.br$/, ''))
  const isOldMetadata = (name: string) => {
    const match = /^(\d{1,9})\.(targets|snapshot)\.json$/.exec(name)
    return match !== null && Number(match[1]) < options.metadata[match[2] as 'targets' | 'snapshot']
  }
  const found = [
    await removeFiles(fs, { folder, before, isOld: isOldObject }),
    await removeFiles(fs, {
      folder: path.join(site.directory, 'trust'),
      before,
      isOld: isOldMetadata,
    }),
    ...(await pruneBundles(fs, { site, before, head: kept.at(-1)?.release ?? 0 })),
  ]
  return {
    files: found.reduce((sum, one) => sum + one.files, 0),
    bytes: found.reduce((sum, one) => sum + one.bytes, 0),
  }
}

/** Names below `objects/` that these releases need; undefined when one cannot be read. */
async function objectsOf(
  site: StaticSite,
  releases: readonly KnownRelease[],
): Promise<ReadonlySet<string> | undefined> {
  const names = new Set<string>()
  for (const { manifest } of releases) {
    const bytes = await site.readObject(manifest)
    if (bytes === undefined) return undefined
    names.add(manifest)
    for (const { sha256 } of filesOf(parseManifest(bytes))) names.add(sha256)
  }
  return names
}

/** The time of the release that just left begins now, however long ago its files were written. */
async function noteLeaving(
  { site, context }: StaticRun,
  { releases, keep }: PruneOptions,
  kept: ReadonlySet<string>,
): Promise<void> {
  const leaving = releases.at(-keep - 1)
  if (leaving === undefined) return
  const names = await objectsOf(site, [leaving])
  const nowMs = context.clock.now()
  for (const name of names ?? []) {
    if (kept.has(name)) continue
    for (const file of [name, `${name}.br`]) {
      const at = path.join(site.directory, 'objects', file)
      await ignoringAbsence(() => context.fileSystem.utimes(at, nowMs, nowMs))
    }
  }
}

interface Removal {
  readonly folder: string
  /** Files that were written earlier than this may go. */
  readonly before: number
  readonly isOld: (name: string) => boolean
}

async function removeFiles(fs: FileSystem, removal: Removal): Promise<Pruned> {
  const { folder, before, isOld } = removal
  let files = 0
  let bytes = 0
  for (const { name } of await namesIn(fs, folder)) {
    if (!isOld(name)) continue
    const at = path.join(folder, name)
    const stats = await ignoringAbsence(() => fs.lstat(at))
    if (stats === undefined || stats.mtimeMs >= before) continue
    await removeIfPresent(fs, at)
    files++
    bytes += stats.size
  }
  return { files, bytes }
}

async function pruneBundles(
  fs: FileSystem,
  where: { readonly site: StaticSite; readonly before: number; readonly head: number },
): Promise<readonly Pruned[]> {
  const { site, before, head } = where
  const deltas = path.join(site.directory, 'deltas')
  const found: Pruned[] = []
  for (const { name } of await namesIn(fs, deltas)) {
    const to = /^\d{1,9}\.\.(\d{1,9})$/.exec(name)?.[1]
    if (to === undefined || Number(to) >= head) continue
    const folder = path.join(deltas, name)
    found.push(await removeFiles(fs, { folder, before, isOld: () => true }))
    // What is younger stays, and its folder with it.
    if ((await namesIn(fs, folder)).length === 0) await ignoringAbsence(() => fs.rmdir(folder))
  }
  return found
}

function namesIn(fs: FileSystem, folder: string): Promise<readonly { readonly name: string }[]> {
  return ignoringAbsence(() => fs.readdir(folder)).then((names) => names ?? [])
}

async function ignoringAbsence<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
