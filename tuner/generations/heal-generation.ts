import path from 'node:path'
import type { StagingArea } from '../../mirroring/index.ts'
import type { Digest, FileEntry } from '../../protocol/index.ts'
import {
  createCloneMemory,
  ensureDirectory,
  type FileSystem,
  linkOrClone,
  removeIfPresent,
  removeTree,
  replaceSymlink,
  syncFile,
} from '../../store/durable-files/index.ts'
import { modeInTree } from './build-generation.ts'
import type { Generation } from './generation.ts'
import type { GenerationStore } from './generation-store.ts'
import { type Damage, hashFile } from './verify-generation.ts'

/** Objects that must be fetched to mend damages. */
export function objectsToHeal(
  generation: Generation,
  damages: readonly Damage[],
): readonly FileEntry[] {
  const damaged = new Set(
    damages
      .filter((one) => one.what === 'altered' || one.what === 'missing')
      .map((one) => one.path),
  )
  return generation.files.filter((file) => damaged.has(file.path))
}

export interface HealOptions {
  readonly fs: FileSystem
  readonly store: GenerationStore
  readonly generation: Generation
  readonly damages: readonly Damage[]
  /** Has the objects of `objectsToHeal`. */
  readonly staging: StagingArea
}

/** A file that was made sound, for other generations that had the same inode. */
interface Sound {
  readonly file: string
  readonly entry: FileEntry
}

/**
 * Mends a generation in place, file by file: each comes from staging under a temporary name and
 * goes over the damaged one by rename. Other generations that share a damaged inode get the sound
 * one too.
 */
export async function healGeneration(options: HealOptions): Promise<void> {
  const { fs, generation } = options
  const files = new Map(generation.files.map((file, index) => [file.path as string, index]))
  const healed = new Map<Digest, Sound>()
  // By path, so that a folder is put right before what lies in it.
  for (const damage of options.damages) {
    const target = path.join(generation.tree, ...damage.path.split('/'))
    const index = files.get(damage.path)
    const entry = index === undefined ? undefined : generation.files[index]
    if (damage.what === 'extra') await removeTree(fs, target)
    else if (entry === undefined || index === undefined) await healOther(fs, generation, damage)
    else if (damage.what === 'mode') await fs.chmod(target, modeInTree(entry))
    else {
      await placeHealed(options, { entry, timeMs: generation.timeOf(index), target })
      healed.set(entry.sha256, { file: target, entry })
    }
    await fs.syncDirectory(path.dirname(target))
  }
  if (healed.size === 0) return
  for (const release of await options.store.releases()) {
    const other = await options.store.load(release).catch(() => undefined)
    if (other !== undefined && other.name !== generation.name) {
      await healShared(options, other, healed)
    }
  }
}

async function placeHealed(
  options: HealOptions,
  place: { readonly entry: FileEntry; readonly timeMs: number; readonly target: string },
): Promise<void> {
  const { fs, staging } = options
  const { entry, timeMs, target } = place
  const temporary = staging.scratchPath(`heal-${entry.sha256}`)
  await copyDressed(fs, staging.objectPath(entry.sha256), { temporary, timeMs, entry })
  await moveInto(fs, temporary, target)
}

async function copyDressed(
  fs: FileSystem,
  from: string,
  to: { readonly temporary: string; readonly timeMs: number; readonly entry: FileEntry },
): Promise<void> {
  await removeIfPresent(fs, to.temporary)
  await fs.copyFile(from, to.temporary, { clone: 'try' })
  await fs.utimes(to.temporary, to.timeMs, to.timeMs)
  await fs.chmod(to.temporary, modeInTree(to.entry))
  await syncFile(fs, to.temporary)
}

/** Renames over whatever lies there; a folder in the way goes first. */
async function moveInto(fs: FileSystem, from: string, target: string): Promise<void> {
  await ensureDirectory(fs, path.dirname(target))
  if ((await fs.lstat(target).catch(() => undefined))?.type === 'directory') {
    await removeTree(fs, target)
  }
  await fs.rename(from, target)
}

async function healOther(fs: FileSystem, generation: Generation, damage: Damage): Promise<void> {
  const entry = generation.manifest.entries.find((one) => one.path === damage.path)
  const target = path.join(generation.tree, ...damage.path.split('/'))
  if (entry?.type === 'symlink') {
    await ensureDirectory(fs, path.dirname(target))
    await removeTree(fs, target)
    await replaceSymlink(fs, target, entry.target)
    return
  }
  // A folder: whatever took its place goes.
  if (damage.what === 'altered') await removeTree(fs, target)
  await ensureDirectory(fs, target)
}

/** Gives another generation the sound inode where its own is damaged too. */
async function healShared(
  options: HealOptions,
  other: Generation,
  healed: ReadonlyMap<Digest, Sound>,
): Promise<void> {
  const { fs, staging } = options
  for (const [index, entry] of other.files.entries()) {
    const sound = healed.get(entry.sha256)
    if (sound === undefined) continue
    const target = other.pathOf(entry.path)
    const digest = await hashFile(fs, target).catch(() => undefined)
    if (digest === entry.sha256) continue
    const temporary = staging.scratchPath(`share-${index}`)
    const timeMs = other.timeOf(index)
    await removeIfPresent(fs, temporary)
    if (sound.entry.mode === entry.mode && (await fs.lstat(sound.file)).mtimeMs === timeMs) {
      const how = await linkOrClone(fs, sound.file, temporary, createCloneMemory())
      if (how !== 'link') await copyDressed(fs, sound.file, { temporary, timeMs, entry })
    } else await copyDressed(fs, sound.file, { temporary, timeMs, entry })
    await moveInto(fs, temporary, target)
    await fs.syncDirectory(path.dirname(target))
  }
}
