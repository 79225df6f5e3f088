import { hashHandle } from '../../mirroring/index.ts'
import type { Digest, FileEntry } from '../../protocol/index.ts'
import {
  type FileSystem,
  type FileType,
  inParallel,
  isErrno,
} from '../../store/durable-files/index.ts'
import type { Generation } from './generation.ts'
import { generationLimits } from './limits.ts'

/** One thing that is not as published. */
export interface Damage {
  readonly path: string
  readonly what: 'missing' | 'altered' | 'mode' | 'extra' | 'link'
}

/**
 * Compares every entry of a generation with the manifest, hashing every file, and lists what is
 * altered, missing or too many. Hidden by no cache: this is the proof that the tree is what was
 * published (C84).
 */
export async function verifyGeneration(
  fs: FileSystem,
  generation: Generation,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly Damage[]> {
  const expected = expectedTypes(generation)
  const { damages, present } = await compareNames(fs, generation, expected)
  await inParallel(generation.files, generationLimits.concurrentFiles, async (file) => {
    options.signal?.throwIfAborted()
    // Below a folder that is none nothing can be looked at.
    if (present.get(file.path) === undefined) damages.push({ path: file.path, what: 'missing' })
    else {
      const what = await checkFile(fs, generation, file)
      if (what !== undefined) damages.push({ path: file.path, what })
    }
  })
  for (const entry of generation.manifest.entries) {
    if (entry.type !== 'symlink') continue
    const isThere = present.get(entry.path) === 'symlink'
    const target = isThere ? await fs.readlink(generation.pathOf(entry.path)) : undefined
    if (target !== entry.target) damages.push({ path: entry.path, what: 'link' })
  }
  return damages.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

/** Every path of the release, folders included, with what it must be. */
function expectedTypes(generation: Generation): ReadonlyMap<string, FileType> {
  const expected = new Map<string, FileType>()
  for (const entry of generation.manifest.entries) {
    expected.set(entry.path, entry.type)
    for (let at = entry.path.indexOf('/'); at !== -1; at = entry.path.indexOf('/', at + 1)) {
      expected.set(entry.path.slice(0, at), 'directory')
    }
  }
  return expected
}

/** Walks the tree by real folders only: a link in a folder's place is damage, not a way. */
async function compareNames(
  fs: FileSystem,
  generation: Generation,
  expected: ReadonlyMap<string, FileType>,
): Promise<{ readonly damages: Damage[]; readonly present: ReadonlyMap<string, FileType> }> {
  const damages: Damage[] = []
  const present = new Map<string, FileType>()
  const walk = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of await fs.readdir(folder)) {
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`
      const type = expected.get(name)
      if (type === undefined) damages.push({ path: name, what: 'extra' })
      else {
        present.set(name, entry.type)
        if (type === 'directory' && entry.type === 'directory') {
          await walk(`${folder}/${entry.name}`, name)
        }
      }
    }
  }
  await walk(generation.tree, '').catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error
  })
  for (const [name, type] of expected) {
    if (type !== 'directory' || present.get(name) === 'directory') continue
    damages.push({ path: name, what: present.has(name) ? 'altered' : 'missing' })
  }
  return { damages, present }
}

async function checkFile(
  fs: FileSystem,
  generation: Generation,
  file: FileEntry,
): Promise<Damage['what'] | undefined> {
  const target = generation.pathOf(file.path)
  try {
    const stats = await fs.lstat(target)
    if (stats.type !== 'file' || stats.size !== file.size) return 'altered'
    if (stats.size > 0 && (await hashFile(fs, target)) !== file.sha256) return 'altered'
    return ((stats.mode & 0o111) !== 0) === (file.mode === '0755') ? undefined : 'mode'
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return 'missing'
    // What the disk cannot read any more is as good as altered.
    if (isErrno(error, 'EIO')) return 'altered'
    throw error
  }
}

export async function hashFile(fs: FileSystem, file: string): Promise<Digest> {
  const handle = await fs.open(file, 'r')
  try {
    return await hashHandle(handle)
  } finally {
    await handle.close()
  }
}
