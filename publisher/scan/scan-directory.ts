import {
  type Digest,
  type Entry,
  type FileEntry,
  comparePaths,
  limits,
  updatingName,
  whyNotOnWindows,
} from '../../protocol/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import { createFindings, type Findings, listed } from './findings.ts'
import { hashFile, type HashOptions } from './hash-file.ts'
import { createIgnoreRules, ignoreFileName, type IgnoreRules } from './ignore-rules.ts'
import { mediaTypeOf } from './media-type.ts'
import { createScannedSource, type ScannedSource } from './scanned-source.ts'
import {
  type CacheRecord,
  encodeStatCache,
  parseStatCache,
  type StatCacheStore,
} from './stat-cache.ts'
import { nodeTreeReader, type TreeReader, type TreeStat } from './tree-reader.ts'
import { reasonOf, type Walked, walkTree } from './walk-tree.ts'

export interface ScanProgress {
  readonly files: number
  readonly bytes: number
  readonly totalFiles: number
  readonly totalBytes: number
}

export interface ScanOptions {
  readonly directory: string
  /** Rules in `.gitignore` syntax, after those of the directory's `.longwaveignore`. */
  readonly ignore?: readonly string[]
  /** Refuses names that Windows refuses instead of warning of them. */
  readonly portable?: boolean
  /** Absolute paths of folders that must not be published: keys, outputs. */
  readonly keepOut?: readonly string[]
  /** The cache for a base directory, by its real path; none means that every file is read. */
  readonly cache?: (realPath: string) => StatCacheStore
  readonly reader?: TreeReader
  readonly clock: { now(): number }
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ScanProgress) => void
}

export interface ScanStats {
  readonly files: number
  readonly bytes: number
  readonly symlinks: number
  readonly emptyDirectories: number
  readonly ignored: number
  /** Files whose content was read, and those that the cache vouched for. */
  readonly readFiles: number
  readonly readBytes: number
  readonly cachedFiles: number
}

export interface ScanResult {
  /** Real path of the base directory. */
  readonly base: string
  /** Entries as a manifest wants them: sorted, checked. */
  readonly entries: readonly Entry[]
  readonly stats: ScanStats
  readonly warnings: readonly string[]
  /** Reads content for an upload; refuses what is no longer as it was scanned. */
  readonly source: ScannedSource
}

/**
 * Turns a directory into the entries of a manifest. Everything that cannot be published is
 * gathered and named in one error; a scan changes nothing but its own cache.
 * @throws LW_PUBLISH_NO_DIRECTORY, LW_PUBLISH_HOLDS_KEYS, LW_PUBLISH_UNREADABLE,
 * LW_PUBLISH_NAME_NOT_UTF8, LW_PUBLISH_SPECIAL_FILE, LW_PUBLISH_LINK_OUTSIDE, LW_FORMAT_PATH,
 * LW_FORMAT_PATH_COLLISION, LW_PUBLISH_NOT_PORTABLE, LW_PUBLISH_FILE_CHANGING,
 * LW_PUBLISH_TOO_LARGE, LW_PUBLISH_ATTRIBUTE
 */
export async function scanDirectory(options: ScanOptions): Promise<ScanResult> {
  const reader = options.reader ?? nodeTreeReader
  const startedMs = options.clock.now()
  const base = resolveBase(options.directory, reader)
  const rules = loadRules(base, reader, options.ignore ?? [])
  refuseKeepOut({ base, keepOut: options.keepOut ?? [], reader, rules })
  const findings = createFindings()
  const { signal } = options
  const walked = await walkTree({ base, reader, rules, findings, signal })
  findings.throwIfAny()

  const store = options.cache?.(base)
  const cache = parseStatCache(await store?.load())
  const hashed = await hashAll({ base, reader, walked, findings, cache, options })
  findings.throwIfAny()
  // Nothing new was read: the cache on disk says the same already.
  if (store !== undefined && (hashed.readFiles > 0 || cache.size > hashed.records.length)) {
    await store.save(encodeStatCache(hashed.records, startedMs))
  }
  const entries = entriesOf(walked, hashed.records)
  const warnings = [
    ...baseWarnings(options.directory, base, walked),
    ...windowsWarnings(entries, options.portable === true, findings),
    ...modeWarnings(hashed.records),
  ]
  findings.throwIfAny()
  return {
    base,
    entries,
    stats: statsOf(walked, hashed),
    warnings,
    source: createScannedSource(base, reader, hashed.records),
  }
}

/**
 * The real path of a base directory.
 * @throws LW_PUBLISH_NO_DIRECTORY
 */
export function resolveBase(directory: string, reader: TreeReader = nodeTreeReader): string {
  let base: string
  try {
    base = reader.realPath(directory)
  } catch (cause) {
    throw publishError('LW_PUBLISH_NO_DIRECTORY', {
      detail: `${JSON.stringify(directory)}.`,
      cause,
    })
  }
  if (reader.stat(base).kind !== 'directory') {
    throw publishError('LW_PUBLISH_NO_DIRECTORY', {
      detail: `${JSON.stringify(directory)} is not a directory.`,
      next: 'Put a single file into a directory of its own and publish that.',
    })
  }
  return base
}

interface KeepOut {
  readonly base: string
  readonly keepOut: readonly string[]
  readonly reader: TreeReader
  readonly rules: IgnoreRules
}

function refuseKeepOut({ base, keepOut, reader, rules }: KeepOut): void {
  const prefix = base === '/' ? '/' : `${base}/`
  for (const path of keepOut) {
    let real = path
    try {
      real = reader.realPath(path)
    } catch {
      // What does not exist yet is compared by its text.
    }
    const inside = real.startsWith(prefix) && !rules.ignores(real.slice(prefix.length), true)
    if (real === base || inside) {
      throw publishError('LW_PUBLISH_HOLDS_KEYS', {
        detail: `${JSON.stringify(real)} lies in ${JSON.stringify(base)}.`,
        untouched: 'Nothing was published.',
        next: 'Publish a directory beside it, or leave it out with --ignore.',
      })
    }
  }
}

function loadRules(base: string, reader: TreeReader, globs: readonly string[]): IgnoreRules {
  const path = `${base}/${ignoreFileName}`
  let text: string | undefined
  try {
    const file = reader.open(path)
    try {
      const buffer = Buffer.alloc(publisherLimits.ignoreFileBytesMax)
      let size = 0
      for (;;) {
        const bytes = file.readNow(buffer.subarray(size), size)
        size += bytes
        if (bytes === 0 || size === buffer.byteLength) break
      }
      text = buffer.toString('utf8', 0, size)
    } finally {
      file.close()
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw publishError('LW_PUBLISH_UNREADABLE', {
        detail: `${JSON.stringify(path)} ${reasonOf(cause)}.`,
        untouched: 'Nothing was published.',
        cause,
      })
    }
  }
  return createIgnoreRules(text, globs)
}

interface HashAllOptions {
  readonly base: string
  readonly reader: TreeReader
  readonly walked: Walked
  readonly findings: Findings
  readonly cache: { find(path: string, stat: TreeStat): Digest | undefined }
  readonly options: ScanOptions
}

interface HashedTree {
  readonly records: readonly CacheRecord[]
  readonly readFiles: number
  readonly readBytes: number
}

async function hashAll(input: HashAllOptions): Promise<HashedTree> {
  const { base, reader, walked, findings, cache, options } = input
  const files = walked.entries.filter((entry) => entry.type === 'file')
  const progress = createProgress(files, options.onProgress)
  const hashOptions: HashOptions = {
    reader,
    scratch: Buffer.allocUnsafe(publisherLimits.smallFileBytesMax + 1),
    signal: options.signal,
    onBytes: progress.bytes,
  }
  const records: CacheRecord[] = []
  let readFiles = 0
  let readBytes = 0
  let turn = 0
  for (const { path, stat } of files) {
    if (stat.size > limits.fileBytesMax) {
      throw publishError('LW_PUBLISH_TOO_LARGE', {
        detail: `${JSON.stringify(path)} has ${stat.size} bytes, at most ${limits.fileBytesMax}.`,
        untouched: 'Nothing was published.',
      })
    }
    const known = cache.find(path, stat)
    if (known !== undefined) {
      records.push({ path, stat, sha256: known })
      progress.file(stat.size)
      continue
    }
    try {
      const found = hashFile(`${base}/${path}`, hashOptions)
      const hashed = found instanceof Promise ? await found : found
      if (hashed === undefined) findings.add('changing', { path, what: 'is being written to' })
      else {
        records.push({ path, ...hashed })
        readFiles++
        readBytes += hashed.stat.size
      }
    } catch (cause) {
      options.signal?.throwIfAborted()
      findings.add('unreadable', { path, what: reasonOf(cause) })
    }
    progress.file(0)
    if (++turn % publisherLimits.entriesPerTurn === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      options.signal?.throwIfAborted()
    }
  }
  return { records, readFiles, readBytes }
}

function createProgress(
  files: readonly { readonly stat: TreeStat }[],
  report: ((progress: ScanProgress) => void) | undefined,
) {
  const totalBytes = files.reduce((sum, file) => sum + file.stat.size, 0)
  let done = 0
  let doneBytes = 0
  const tell = () =>
    report?.({ files: done, bytes: doneBytes, totalFiles: files.length, totalBytes })
  return {
    bytes(count: number) {
      doneBytes += count
      if (count >= publisherLimits.readChunkBytes) tell()
    },
    file(cachedBytes: number) {
      done++
      doneBytes += cachedBytes
      if (done % publisherLimits.entriesPerTurn === 0 || done === files.length) tell()
    },
  }
}

function entriesOf(walked: Walked, records: readonly CacheRecord[]): Entry[] {
  const entries: Entry[] = records.map(
    ({ path, stat, sha256 }): FileEntry => ({
      type: 'file',
      path: path as FileEntry['path'],
      size: stat.size,
      sha256,
      // Owner's execute bit decides; set-uid, write bits of others and the rest are dropped.
      mode: (stat.mode & 0o100) === 0 ? '0644' : '0755',
      mime: mediaTypeOf(path),
    }),
  )
  for (const entry of walked.entries) if (entry.type !== 'file') entries.push(entry)
  return entries.sort((a, b) => comparePaths(a.path, b.path))
}

function statsOf(walked: Walked, hashed: HashedTree): ScanStats {
  return {
    files: hashed.records.length,
    bytes: hashed.records.reduce((sum, record) => sum + record.stat.size, 0),
    symlinks: walked.entries.filter((entry) => entry.type === 'symlink').length,
    emptyDirectories: walked.entries.filter((entry) => entry.type === 'directory').length,
    ignored: walked.ignored,
    readFiles: hashed.readFiles,
    readBytes: hashed.readBytes,
    cachedFiles: hashed.records.length - hashed.readFiles,
  }
}

function baseWarnings(directory: string, base: string, walked: Walked): string[] {
  const warnings: string[] = []
  const plain = directory.replace(/(?<=.)\/+$/, '')
  if (plain.startsWith('/') && plain !== base) {
    warnings.push(`${JSON.stringify(plain)} leads to ${JSON.stringify(base)}, which is published.`)
  }
  if (walked.gitIgnored) {
    warnings.push('Folders named .git are left out; the rule "!.git/" would take them in.')
  }
  if (walked.reservedIgnored) {
    warnings.push(
      `${updatingName} is left out: tuners prepare the updates of a folder there, and no release may have it.`,
    )
  }
  if (walked.dangling.length > 0) {
    warnings.push(`Links without a target: ${listed(walked.dangling)}.`)
  }
  if (walked.entries.length === 0) warnings.push('The directory is empty.')
  return warnings
}

function windowsWarnings(
  entries: readonly Entry[],
  portable: boolean,
  findings: Findings,
): string[] {
  const refused: string[] = []
  for (const { path } of entries) {
    const why = whyNotOnWindows(path)
    if (why === undefined) continue
    if (portable) findings.add('notPortable', { path, what: `: ${why}` })
    else refused.push(`${shownPath(path)}: ${why}`)
  }
  return refused.length === 0 ? [] : [`Windows refuses these names: ${listed(refused)}.`]
}

/** A path as a warning shows it: one that is very long would fill the page. */
function shownPath(path: string): string {
  const most = publisherLimits.pathShownCharacters
  return path.length > most ? `${JSON.stringify(path.slice(0, most))}…` : JSON.stringify(path)
}

function modeWarnings(records: readonly CacheRecord[]): string[] {
  const privileged = records.filter(({ stat }) => (stat.mode & 0o6000) !== 0)
  if (privileged.length === 0) return []
  const names = listed(privileged.map(({ path }) => JSON.stringify(path)))
  return [`Set-uid and set-gid bits are not distributed: ${names}.`]
}
