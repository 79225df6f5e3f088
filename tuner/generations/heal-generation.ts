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
    damages.filter((one) => one.what === 'altered' || one.what === 'missing').map((one) => one.path),
  )
  return generation.files.filter((file) => damaged.has(file.path))
}

/**
 * Mends a generation in place, file by file: each comes from staging under a temporary name and
 * goes over the damaged one by rename. Other generations that share a damaged inode get the sound
 * one too.
 */
export async function healGeneration(options: {
  readonly fs: FileSystem
  readonly store: GenerationStore
  readonly generation: Generation
  readonly damages: readonly Damage[]
  readonly staging: StagingArea
}): Promise<void> {
  const { fs, generation, damages } = options
  const files = new Map(generation.files.map((file, index) => [file.path as string, index]))
  const healed = new Map<Digest, string>()
  for (const damage of damages) {
    const target = path.join(generation.tree, ...damage.path.split('/'))
    const index = files.get(damage.path)
    const file = index === undefined ? undefined : generation.files[index]
    if (damage.what === 'extra') await removeTree(fs, target)
    else if (file === undefined || index === undefined) await healOther(fs, generation, damage)
    else if (damage.what === 'mode') await fs.chmod(target, modeInTree(file))
    else {
      await placeHealed(options, file, generation.timeOf(index), target)
      healed.set(file.sha256, target)
    }
    await fs.syncDirectory(path.dirname(target))
  }
  for (const release of await options.store.releases()) {
    if (release === generation.release || healed.size === 0) continue
    const other = await options.store.load(release).catch(() => undefined)
    if (other !== undefined) await healShared(fs, other, healed)
  }
}

async function placeHealed(
  options: { readonly fs: FileSystem; readonly staging: StagingArea },
  file: FileEntry,
  timeMs: number,
  target: string,
): Promise<void> {
  const { fs, staging } = options
  const temporary = staging.scratchPath(`heal-${file.sha256}`)
  await removeIfPresent(fs, temporary)
  await fs.copyFile(staging.objectPath(file.sha256), temporary, { clone: 'try' })
  await fs.utimes(temporary, timeMs, timeMs)
  await fs.chmod(temporary, modeInTree(file))
  await syncFile(fs, temporary)
  await ensureDirectory(fs, path.dirname(target))
  if ((await fs.lstat(target).catch(() => undefined))?.type === 'directory') {
    await removeTree(fs, target)
  }
  await fs.rename(temporary, target)
}

async function healOther(fs: FileSystem, generation: Generation, damage: Damage): Promise<void> {
  const entry = generation.manifest.entries.find((one) => one.path === damage.path)
  const target = path.join(generation.tree, ...damage.path.split('/'))
  if (entry?.type === 'symlink') {
    await ensureDirectory(fs, path.dirname(target))
    await removeTree(fs, target)
    await replaceSymlink(fs, target, entry.target)
  } else if (damage.what === 'missing') await ensureDirectory(fs, target)
}

/** Gives another generation the sound inode where its own is damaged too. */
async function healShared(
  fs: FileSystem,
  other: Generation,
  healed: ReadonlyMap<Digest, string>,
): Promise<void> {
  for (const [index, file] of other.files.entries()) {
    const sound = healed.get(file.sha256)
    if (sound === undefined) continue
    const target = other.pathOf(file.path)
    const digest = await hashFile(fs, target).catch(() => undefined)
    if (digest === file.sha256) continue
    await removeTree(fs, target)
    await ensureDirectory(fs, path.dirname(target))
    const how = await linkOrClone(fs, sound, target, createCloneMemory())
    if (how !== 'link') await fs.utimes(target, other.timeOf(index), other.timeOf(index))
    if (how !== 'link') await fs.chmod(target, modeInTree(file))
    await syncFile(fs, target)
    await fs.syncDirectory(path.dirname(target))
  }
}
