import { isDigest } from './digest.ts'
import { isRecord } from './is-record.ts'
import { limits } from './limits.ts'
import type { Entry } from './manifest.ts'
import { type Collision, NameTree } from './name-tree.ts'
import { comparePaths, type EntryPath, whyNotEntryPath, whyNotLinkTarget } from './paths.ts'
import { quoted } from './quoted.ts'

/** Enough to show; a list that is wrong throughout is not read to its end. */
const findingsMax = 20

/** The checks of a manifest's entries, one after the other in the order of the list. */
export class EntryChecks {
  readonly #findings: string[]
  readonly #names = new NameTree()
  #previous: string | undefined

  /** @param findings where what is wrong is added */
  constructor(findings: string[]) {
    this.#findings = findings
  }

  add(entry: unknown): void {
    const findings = this.#findings
    if (findings.length > findingsMax) return
    const why = isRecord(entry) ? whyNotEntry(entry) : 'not an object'
    if (why !== undefined) {
      findings.push(`entry ${quoted((entry as Entry | null)?.path)}: ${why}`)
      return
    }
    const { path } = entry as Entry
    if (this.#previous !== undefined && comparePaths(this.#previous, path) >= 0) {
      findings.push(`entry ${quoted(path)}: out of order or twice`)
    }
    this.#previous = path
    this.#names.add(path)
  }

  /** What only all of them together show; returns two names that collide. */
  finish(): Collision | undefined {
    // A file, link or empty directory cannot also be the folder of another entry.
    for (const path of this.#names.entriesAsFolders()) {
      if (this.#findings.length > findingsMax) break
      this.#findings.push(`${quoted(path)} is an entry and a folder of entries`)
    }
    return this.#names.collisions[0]
  }
}

const entryMembers = {
  file: 'mime,mode,path,sha256,size,type',
  symlink: 'path,target,type',
  directory: 'path,type',
} as const

/** It becomes a header field. */
const mimePattern = /^[ -~]{0,128}$/

function whyNotEntry(entry: Record<string, unknown>): string | undefined {
  const why = whyNotEntryPath(entry['path'])
  if (why !== undefined) return `the path ${why}`
  const type = entry['type']
  if (type !== 'file' && type !== 'symlink' && type !== 'directory') return 'unknown type'
  if (Object.keys(entry).sort().join() !== entryMembers[type]) return 'wrong members'
  if (type === 'symlink') return whyNotLinkTarget(entry['path'] as EntryPath, entry['target'])
  if (type === 'directory') return undefined
  const size = entry['size']
  if (
    !Number.isSafeInteger(size) ||
    (size as number) < 0 ||
    (size as number) > limits.fileBytesMax
  ) {
    return 'size'
  }
  if (!isDigest(entry['sha256'])) return 'sha256'
  if (entry['mode'] !== '0644' && entry['mode'] !== '0755') return 'mode'
  if (typeof entry['mime'] !== 'string' || !mimePattern.test(entry['mime'])) return 'mime'
  return undefined
}
