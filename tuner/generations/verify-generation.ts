import { type Digest, type FileEntry } from '../../protocol/index.ts'
import { hashHandle } from '../../mirroring/index.ts'
import { type FileSystem, inParallel, isErrno } from '../../store/durable-files/index.ts'
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
): Promise<readonly Damage[]> {
  const damages: Damage[] = []
  await inParallel(generation.files, generationLimits.concurrentFiles, async (file) => {
    const what = await checkFile(fs, generation, file)
    if (what !== undefined) damages.push({ path: file.path, what })
  })
  await checkOthers(fs, generation, damages)
  return damages.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function checkFile(
  fs: FileSystem,
  generation: Generation,
  file: FileEntry,
): Promise<Damage['what'] | undefined> {
  const target = generation.pathOf(file.path)
  try {
    const stats = await fs.lstat(target)
    if (stats.type !== 'file') return 'altered'
    if (stats.size !== file.size) return 'altered'
    if (stats.size > 0 && (await hashFile(fs, target)) !== file.sha256) return 'altered'
    return ((stats.mode & 0o111) !== 0) === (file.mode === '0755') ? undefined : 'mode'
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return 'missing'
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

/** Links, empty folders, and whatever nobody published. */
async function checkOthers(
  fs: FileSystem,
  generation: Generation,
  damages: Damage[],
): Promise<void> {
  const expected = new Map<string, string>()
  for (const entry of generation.manifest.entries) {
    expected.set(entry.path, entry.type)
    for (let at = entry.path.indexOf('/'); at !== -1; at = entry.path.indexOf('/', at + 1)) {
      expected.set(entry.path.slice(0, at), 'directory')
    }
    if (entry.type === 'symlink') {
      const target = await fs.readlink(generation.pathOf(entry.path)).catch(() => undefined)
      if (target !== entry.target) damages.push({ path: entry.path, what: 'link' })
    }
  }
  const present = new Set<string>()
  const walk = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of await fs.readdir(folder)) {
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`
      present.add(name)
      if (!expected.has(name)) damages.push({ path: name, what: 'extra' })
      else if (entry.type === 'directory') await walk(`${folder}/${entry.name}`, name)
    }
  }
  await walk(generation.tree, '')
  for (const [name, type] of expected) {
    if (type === 'directory' && !present.has(name)) damages.push({ path: name, what: 'missing' })
  }
}
