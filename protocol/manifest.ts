import { type Json, canonicalJson, parseCanonicalJson } from './canonical-json.ts'
import { type ChannelName, isChannelName } from './channel-address.ts'
import { type Digest, digestOf, isDigest } from './digest.ts'
import { formatError } from './format-errors.ts'
import { limits } from './limits.ts'
import { type Collision, NameTree } from './name-tree.ts'
import { type EntryPath, whyNotEntryPath, whyNotLinkTarget } from './paths.ts'
import { isPlainLine, isPlainText } from './plain-text.ts'
import { quoted } from './quoted.ts'

export const manifestFormat = 'longwave-manifest-1'

export interface FileEntry {
  readonly type: 'file'
  readonly path: EntryPath
  /** Bytes. */
  readonly size: number
  readonly sha256: Digest
  /** Permissions: executable or not; nothing else is distributed. */
  readonly mode: '0644' | '0755'
  /** Media type, as a web server would send it. */
  readonly mime: string
}

export interface SymlinkEntry {
  readonly type: 'symlink'
  readonly path: EntryPath
  /** Relative, and inside the tree. */
  readonly target: string
}

/** Only empty directories have an entry; the others follow from the paths. */
export interface DirectoryEntry {
  readonly type: 'directory'
  readonly path: EntryPath
}

export type Entry = FileEntry | SymlinkEntry | DirectoryEntry

export type ChannelKind = 'files' | 'html' | 'application'
export type AssignmentPolicy = 'round-robin' | 'time-zone'

export interface RepeaterMember {
  readonly url: string
  /** Standard UTC offset as `+05:30` or `-03:00`; needed for time-zone assignment. */
  readonly zone?: string
}

/** What a publish says of the channel besides its files; a later publish inherits what it leaves out. */
export interface ChannelAttributes {
  readonly title?: string
  readonly description?: string
  readonly kind: ChannelKind
  /** The page (html) or command (application) that `launch` opens, a path of the tree. */
  readonly main?: string
  /** The developer's schedule (docs/formats/schedule.md). */
  readonly schedule?: string
  readonly category?: string
  readonly repeaters?: {
    readonly assignment: AssignmentPolicy
    readonly members: readonly RepeaterMember[]
  }
  /** Capabilities that a tuner must have; `trusted` for native code. */
  readonly requires?: readonly string[]
  readonly plugin?: {
    /** Ed25519 public key (SPKI DER, base64) that signs overlays. */
    readonly key: string
    /** Path prefixes that an overlay may add to or replace. */
    readonly paths: readonly string[]
    /** SHA-256 of the module that the transmitter runs for this release. */
    readonly module?: Digest
  }
  /** Ed25519 public key (SPKI DER, base64) that signs tickets for closed channels. */
  readonly ticketKey?: string
  readonly access?: 'open' | 'closed'
}

/** The document that lists every entry of a release. */
export interface Manifest extends ChannelAttributes {
  readonly format: typeof manifestFormat
  readonly channel: Digest
  readonly name: ChannelName
  readonly release: number
  readonly label?: string
  /** When the release was published: RFC 3339, UTC, whole seconds. */
  readonly published: string
  /** Sorted by path in UTF-8 byte order, each path once. */
  readonly entries: readonly Entry[]
}

/** The canonical bytes of a manifest; their SHA-256 is the manifest id. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return Buffer.from(canonicalJson(manifest as unknown as Json))
}

export function manifestId(bytes: Uint8Array): Digest {
  return digestOf(bytes)
}

/**
 * The manifest of the empty release, from which a first fetch may be a bundle like any other. It is
 * never published: both sides make it from the channel's id and name.
 */
export function emptyManifest(channel: Digest, name: ChannelName): Uint8Array {
  return encodeManifest({
    format: manifestFormat,
    channel,
    name,
    release: 1,
    kind: 'files',
    published: '1970-01-01T00:00:00Z',
    entries: [],
  })
}

/** Orders paths as manifests do: by UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0
  // UTF-16 order differs from UTF-8 order only where surrogates meet U+E000 and above.
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      const xs = x >= 0xd800 && x <= 0xdfff
      const ys = y >= 0xd800 && y <= 0xdfff
      return xs === ys ? x - y : xs ? 1 : -1
    }
  }
  return a.length - b.length
}

/**
 * Parses and checks a manifest. All findings are listed (the first 20), not only the first.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE, LW_FORMAT_PATH_COLLISION
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  return checkManifest(parseCanonicalJson(bytes, { bytesMax: limits.manifestBytesMax }))
}

/** The checks of `parseManifest` on a value that is already parsed. */
export function checkManifest(value: unknown): Manifest {
  const findings: string[] = []
  if (!isRecord(value)) refuse(['not an object'])
  checkHead(value, findings)
  checkAttributes(value, findings)
  const collision = checkEntries(value['entries'], findings)
  if (findings.length > 0) refuse(findings)
  if (collision !== undefined) {
    throw formatError('LW_FORMAT_PATH_COLLISION', {
      detail: `${quoted(collision.first)} and ${quoted(collision.second)}.`,
    })
  }
  return value as unknown as Manifest
}

function refuse(findings: readonly string[]): never {
  throw formatError('LW_FORMAT_DOCUMENT', {
    detail: `Manifest: ${findings.slice(0, 20).join('; ')}.`,
    members: { findings: findings.slice(0, 20) },
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const headMembers = ['format', 'channel', 'name', 'release', 'label', 'published', 'entries']
const attributeMembers = [
  'title',
  'description',
  'kind',
  'main',
  'schedule',
  'category',
  'repeaters',
  'requires',
  'plugin',
  'ticketKey',
  'access',
]

function checkHead(value: Record<string, unknown>, findings: string[]): void {
  for (const key of Object.keys(value)) {
    // An unknown member could change the meaning: a later format has another name.
    if (!headMembers.includes(key) && !attributeMembers.includes(key)) {
      findings.push(`unknown member ${quoted(key)}`)
    }
  }
  if (value['format'] !== manifestFormat) findings.push(`format is not ${manifestFormat}`)
  if (!isDigest(value['channel'])) findings.push('channel is not a channel id')
  if (!isChannelName(value['name'])) findings.push('name is not a channel name')
  if (!isPositiveInteger(value['release'])) findings.push('release is not a positive number')
  if (!isOptionalLine(value['label'], limits.labelCharactersMax)) findings.push('label')
  if (!isTime(value['published'])) findings.push('published is not an RFC 3339 time in UTC')
}

function checkAttributes(value: Record<string, unknown>, findings: string[]): void {
  if (!['files', 'html', 'application'].includes(value['kind'] as string)) findings.push('kind')
  if (!isOptionalLine(value['title'], limits.titleCharactersMax)) findings.push('title')
  const description = value['description']
  if (
    !isOptionalText(description, limits.descriptionCharactersMax) ||
    !isPlainText(String(description ?? ''))
  ) {
    findings.push('description')
  }
  if (!isOptionalLine(value['category'], limits.titleCharactersMax)) findings.push('category')
  if (!isOptionalText(value['ticketKey'], 200)) findings.push('ticketKey')
  if (value['main'] !== undefined && whyNotEntryPath(value['main']) !== undefined) {
    findings.push('main is not a path of the tree')
  }
  if (![undefined, 'open', 'closed'].includes(value['access'] as undefined)) findings.push('access')
  // Only its form: a schedule that is of no use to a tuner does not make the release one.
  if (!isOptionalLine(value['schedule'], limits.scheduleCharactersMax)) findings.push('schedule')
  const requires = value['requires']
  if (requires !== undefined && !isTextList(requires, 16, 64)) findings.push('requires')
  const plugin = value['plugin']
  if (
    plugin !== undefined &&
    !(
      isRecord(plugin) &&
      isOptionalText(plugin['key'], 200) &&
      plugin['key'] !== undefined &&
      isTextList(plugin['paths'], 64, limits.pathBytesMax) &&
      (plugin['module'] === undefined || isDigest(plugin['module']))
    )
  ) {
    findings.push('plugin')
  }
  if (value['repeaters'] !== undefined && !isRepeaters(value['repeaters'])) {
    findings.push('repeaters')
  }
}

const zonePattern = /^[+-](0\d|1[0-4]):(00|15|30|45)$/

/** Minutes east of UTC of a `+05:30`-style zone; undefined for anything else. */
export function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || !zonePattern.test(zone)) return undefined
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return zone.startsWith('-') ? -minutes : minutes
}

function isRepeaters(value: unknown): boolean {
  if (!isRecord(value)) return false
  if (value['assignment'] !== 'round-robin' && value['assignment'] !== 'time-zone') return false
  const members = value['members']
  if (!Array.isArray(members) || members.length > limits.repeatersMax) return false
  return members.every(
    (member: unknown) =>
      isRecord(member) &&
      isHttpUrl(member['url']) &&
      (member['zone'] === undefined ||
        (typeof member['zone'] === 'string' && zonePattern.test(member['zone']))),
  )
}

/** Without credentials: everybody reads a manifest. */
function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/[^\s#?@]+$/.test(value) && URL.canParse(value)
}

function isTextList(value: unknown, countMax: number, charactersMax: number): boolean {
  return (
    Array.isArray(value) &&
    value.length <= countMax &&
    value.every((item) => typeof item === 'string' && isOptionalLine(item, charactersMax))
  )
}

function isOptionalText(value: unknown, charactersMax: number): boolean {
  return value === undefined || (typeof value === 'string' && value.length <= charactersMax)
}

function isOptionalLine(value: unknown, charactersMax: number): boolean {
  return isOptionalText(value, charactersMax) && isPlainLine(String(value ?? ''))
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

/** Whether text is an RFC 3339 time in UTC, in whole seconds, that exists. */
export function isTime(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) &&
    isWrittenSo(value, Date.parse(value))
  )
}

/** 30 February and 24:00:00 are written otherwise once they were read. */
function isWrittenSo(text: string, ms: number): boolean {
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text.replace('Z', '.000Z')
}

/** Adds what is wrong to the findings; returns two names that collide. */
function checkEntries(value: unknown, findings: string[]): Collision | undefined {
  if (!Array.isArray(value)) {
    findings.push('entries is not a list')
    return undefined
  }
  if (value.length > limits.entriesMax) {
    findings.push(`more than ${limits.entriesMax} entries`)
    return undefined
  }
  const names = new NameTree()
  let previous: string | undefined
  for (const entry of value as unknown[]) {
    if (findings.length > 20) return undefined
    const why = isRecord(entry) ? whyNotEntry(entry) : 'not an object'
    if (why !== undefined) {
      findings.push(`entry ${quoted((entry as Entry | null)?.path)}: ${why}`)
      continue
    }
    const { path } = entry as Entry
    if (previous !== undefined && comparePaths(previous, path) >= 0) {
      findings.push(`entry ${quoted(path)}: out of order or twice`)
    }
    previous = path
    names.add(path)
  }
  // A file, link or empty directory cannot also be the folder of another entry.
  for (const path of names.entriesAsFolders()) {
    findings.push(`${quoted(path)} is an entry and a folder of entries`)
    if (findings.length > 20) break
  }
  return names.collisions[0]
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
  if (why !== undefined) return `path is ${why}`
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

/** The files of a manifest, without links and directories. */
export function filesOf(manifest: Manifest): FileEntry[] {
  return manifest.entries.filter((entry) => entry.type === 'file')
}

/** Whether what is to be launched is there: `main` names a file or a link, or nothing. */
export function holdsMain({ main, entries }: Manifest): boolean {
  return (
    main === undefined || entries.some((entry) => entry.path === main && entry.type !== 'directory')
  )
}

/** Figures that the signed targets metadata repeats, so that a tuner can plan before it downloads. */
export function totalsOf(manifest: Manifest): {
  readonly entries: number
  readonly totalBytes: number
  readonly largestFileBytes: number
} {
  let totalBytes = 0
  let largestFileBytes = 0
  for (const file of filesOf(manifest)) {
    totalBytes += file.size
    largestFileBytes = Math.max(largestFileBytes, file.size)
  }
  return { entries: manifest.entries.length, totalBytes, largestFileBytes }
}
