import { type Json, canonicalJson } from './canonical-json.ts'
import type { ChannelName } from './channel-address.ts'
import { type Digest, digestOf } from './digest.ts'
import type { EntryPath } from './paths.ts'

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

const zonePattern = /^[+-](0\d|1[0-4]):(00|15|30|45)$/

/** Minutes east of UTC of a `+05:30`-style zone; undefined for anything else. */
export function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || !zonePattern.test(zone)) return undefined
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return zone.startsWith('-') ? -minutes : minutes
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
