import { randomBytes } from 'node:crypto'
import { chmodSync, constants, copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { type Digest, type Entry, parseManifest } from '../../protocol/index.ts'
import { applyBundle } from '../bundle/apply-bundle.ts'
import { BundleFile } from '../bundle/bundle-file.ts'
import { deltaError } from '../errors.ts'
import { fileStaging } from '../objects/file-staging.ts'
import { fileObjectSource } from '../objects/object-source.ts'
import { type DeltaFileHeader, readDeltaHeader } from './delta-file.ts'
import { refuseExisting } from './free-place.ts'
import { scanTree, singleFile, type Tree } from './tree.ts'

export interface AppliedDirectoryDelta {
  readonly entries: number
  readonly totalBytes: number
  /** Files that the delta built; the others were there. */
  readonly builtFiles: number
}

interface Rebuilt extends AppliedDirectoryDelta {
  readonly header: DeltaFileHeader
  readonly old: Tree
  readonly newEntries: readonly Entry[]
  /** Where the built objects lie. */
  readonly built: ReadonlyMap<Digest, string>
}

/**
 * Builds `newPath`, which must not exist, from the directory or file `oldPath` and a delta.
 * @throws LW_DELTA_FORMAT, LW_DELTA_BASE, LW_DELTA_LIMIT, LW_DELTA_RESULT
 */
export async function applyDirectoryDelta(options: {
  readonly oldPath: string
  readonly deltaPath: string
  readonly newPath: string
  readonly signal?: AbortSignal
}): Promise<AppliedDirectoryDelta> {
  const { newPath } = options
  const work = `${newPath}.applying-${randomBytes(6).toString('hex')}`
  await mkdir(work)
  try {
    const rebuilt = await rebuild(options, work)
    const result = path.join(work, 'result')
    await assemble(rebuilt, result)
    await refuseExisting(newPath)
    await rename(result, newPath)
    const { entries, totalBytes, builtFiles } = rebuilt
    return { entries, totalBytes, builtFiles }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Does everything that applying does, but keeps nothing. Throws as applying does. */
export async function verifyDirectoryDelta(options: {
  readonly oldPath: string
  readonly deltaPath: string
  readonly signal?: AbortSignal
}): Promise<AppliedDirectoryDelta> {
  const work = `${options.deltaPath}.verifying-${randomBytes(6).toString('hex')}`
  await mkdir(work)
  try {
    const { entries, totalBytes, builtFiles } = await rebuild(options, work)
    return { entries, totalBytes, builtFiles }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function rebuild(
  options: {
    readonly oldPath: string
    readonly deltaPath: string
    readonly signal?: AbortSignal
  },
  work: string,
): Promise<Rebuilt> {
  const { oldPath, deltaPath, signal } = options
  const file = new BundleFile({ path: deltaPath })
  let header: DeltaFileHeader
  try {
    header = readDeltaHeader(file)
  } finally {
    file.close()
  }
  const old = await scanTree(oldPath, 1, { code: 'LW_DELTA_BASE', signal })
  const pathOf = (index: number): string => path.join(work, String(index))
  const { manifest, objects } = await applyBundle({
    bundle: { path: deltaPath, start: header.headerBytes },
    oldManifest: old.manifest,
    source: fileObjectSource(old.paths),
    staging: fileStaging(pathOf, (name) => path.join(work, name)),
    expect: header.expect,
    ...(signal === undefined ? {} : { signal }),
  })
  const built = new Map(objects.map(({ sha256, index }) => [sha256, pathOf(index)]))
  const { entries: newEntries } = parseManifest(manifest)
  const { entries, totalBytes } = header.expect
  return { header, old, newEntries, built, entries, totalBytes, builtFiles: objects.length }
}

async function assemble(rebuilt: Rebuilt, result: string): Promise<void> {
  const { header, old, newEntries, built } = rebuilt
  const uses = new Map<Digest, number>()
  for (const entry of newEntries) {
    if (entry.type === 'file') uses.set(entry.sha256, (uses.get(entry.sha256) ?? 0) + 1)
  }
  const place = (entry: Extract<Entry, { type: 'file' }>, target: string): void => {
    const made = built.get(entry.sha256)
    const from = made ?? old.paths.get(entry.sha256)
    if (from === undefined) throw new TypeError('an object of the result is missing')
    if (made !== undefined && uses.get(entry.sha256) === 1) renameSync(made, target)
    else copyFileSync(from, target, constants.COPYFILE_FICLONE)
    chmodSync(target, entry.mode === '0755' ? 0o755 : 0o644)
  }
  if (header.kind === 'file') {
    const entry = newEntries[0]
    if (newEntries.length !== 1 || entry?.type !== 'file' || entry.path !== singleFile) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'It does not hold the one file that it says.' })
    }
    place(entry, result)
    return
  }
  const folders = new Set([result])
  await mkdir(result)
  const links: Extract<Entry, { type: 'symlink' }>[] = []
  for (const entry of newEntries) {
    const target = path.join(result, entry.path)
    const folder = entry.type === 'directory' ? target : path.dirname(target)
    if (!folders.has(folder)) mkdirSync(folder, { recursive: true })
    folders.add(folder)
    if (entry.type === 'file') place(entry, target)
    else if (entry.type === 'symlink') links.push(entry)
  }
  // Links come last, so that nothing is written through one.
  for (const link of links) await symlink(link.target, path.join(result, link.path))
}
