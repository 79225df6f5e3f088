import {
  type EntryPath,
  collisionKey,
  isReservedName,
  limits,
  whyNotEntryPath,
  whyNotLinkTarget,
} from '../../protocol/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { Findings } from './findings.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import type { TreeReader, TreeStat } from './tree-reader.ts'

/** One thing that a walk found and that a release can hold. */
export type WalkedEntry =
  | { readonly type: 'file'; readonly path: EntryPath; readonly stat: TreeStat }
  | { readonly type: 'symlink'; readonly path: EntryPath; readonly target: string }
  | { readonly type: 'directory'; readonly path: EntryPath }

export interface WalkOptions {
  /** Resolved base directory. */
  readonly base: string
  readonly reader: TreeReader
  readonly rules: IgnoreRules
  readonly findings: Findings
  readonly signal?: AbortSignal | undefined
}

export interface Walked {
  readonly entries: readonly WalkedEntry[]
  readonly ignored: number
  /** Links inside the tree whose target is not there. */
  readonly dangling: readonly string[]
  /** Whether a `.git` folder was left out. */
  readonly gitIgnored: boolean
  /** Whether the folder in which a tuner prepares updates was left out. */
  readonly reservedIgnored: boolean
}

/** Lists everything below the base directory; what cannot be published goes to the findings. */
export async function walkTree(options: WalkOptions): Promise<Walked> {
  const { base, reader, rules, findings } = options
  const entries: WalkedEntry[] = []
  const dangling: string[] = []
  let ignored = 0
  let gitIgnored = false
  let reservedIgnored = false
  let turn = 0
  const pending: string[] = ['']
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const names = listFolder(base, folder, options)
    const seen = new Map<string, string>()
    let kept = 0
    for (const name of names) {
      if (++turn % publisherLimits.entriesPerTurn === 0) await nextTurn(options.signal)
      const path = folder === '' ? name : `${folder}/${name}`
      const stat = statOf(reader, base, path, findings)
      if (stat === undefined) continue
      if (folder === '' && isReservedName(name)) {
        ignored++
        reservedIgnored = true
        continue
      }
      if (rules.ignores(path, stat.kind === 'directory')) {
        ignored++
        if (name === '.git') gitIgnored = true
        continue
      }
      if (stat.kind === 'special') {
        findings.add('special', { path, what: 'is a socket, pipe or device' })
        continue
      }
      if (!mayBePublished(path, name, seen, folder, findings)) continue
      kept++
      if (stat.kind === 'directory') pending.push(path)
      else if (stat.kind === 'file') entries.push({ type: 'file', path: path as EntryPath, stat })
      else {
        const link = readLink(path as EntryPath, options)
        if (link === undefined) continue
        if (link.dangling) dangling.push(path)
        entries.push({ type: 'symlink', path: path as EntryPath, target: link.target })
      }
      if (entries.length > limits.entriesMax) {
        throw publishError('LW_PUBLISH_TOO_LARGE', {
          detail: `More than ${limits.entriesMax} entries.`,
          untouched: 'Nothing was published.',
        })
      }
    }
    if (kept === 0 && folder !== '') entries.push({ type: 'directory', path: folder as EntryPath })
  }
  return { entries, ignored, dangling, gitIgnored, reservedIgnored }
}

function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      if (signal?.aborted === true) reject(signal.reason)
      else resolve()
    })
  })
}

function listFolder(base: string, folder: string, options: WalkOptions): readonly string[] {
  let names: readonly (string | Uint8Array)[]
  try {
    names = options.reader.list(folder === '' ? base : `${base}/${folder}`)
  } catch (cause) {
    options.findings.add('unreadable', { path: folder || '.', what: reasonOf(cause) })
    return []
  }
  const texts: string[] = []
  for (const name of names) {
    if (typeof name === 'string') texts.push(name)
    else {
      const shown = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1')
      options.findings.add('notUtf8', {
        path: folder === '' ? shown : `${folder}/${shown}`,
        what: 'is not UTF-8 (its bytes are shown as Latin-1)',
      })
    }
  }
  return texts
}

function statOf(
  reader: TreeReader,
  base: string,
  path: string,
  findings: Findings,
): TreeStat | undefined {
  try {
    return reader.stat(`${base}/${path}`)
  } catch (cause) {
    // A name that went away between listing and looking is simply not there.
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      findings.add('unreadable', { path, what: reasonOf(cause) })
    }
    return undefined
  }
}

function mayBePublished(
  path: string,
  name: string,
  seen: Map<string, string>,
  folder: string,
  findings: Findings,
): boolean {
  const why = whyNotEntryPath(path)
  if (why !== undefined) {
    findings.add('path', { path, what: why })
    return false
  }
  const key = collisionKey(name)
  const other = seen.get(key)
  if (other === undefined) {
    seen.set(key, name)
    return true
  }
  const otherPath = folder === '' ? other : `${folder}/${other}`
  findings.add('collision', { path, what: `and ${JSON.stringify(otherPath)}` })
  return false
}

function readLink(
  path: EntryPath,
  { base, reader, findings }: WalkOptions,
): { target: string; dangling: boolean } | undefined {
  let target: string | Uint8Array
  try {
    target = reader.readLink(`${base}/${path}`)
  } catch (cause) {
    findings.add('unreadable', { path, what: reasonOf(cause) })
    return undefined
  }
  const why =
    typeof target === 'string' ? whyNotLinkTarget(path, target) : 'a target that is not UTF-8'
  if (why !== undefined || typeof target !== 'string') {
    findings.add('linkOutside', { path, what: `has ${why}` })
    return undefined
  }
  try {
    // A link through other links may climb out although its text does not.
    const real = reader.realPath(`${base}/${path}`)
    if (real !== base && !real.startsWith(base === '/' ? '/' : `${base}/`)) {
      findings.add('linkOutside', { path, what: `leads to ${JSON.stringify(real)}` })
      return undefined
    }
    return { target, dangling: false }
  } catch {
    return { target, dangling: true }
  }
}

export function reasonOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ELOOP') return 'became a symbolic link'
  return `could not be read (${code ?? 'unknown error'})`
}
