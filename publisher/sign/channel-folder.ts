import { createHash } from 'node:crypto'
import path from 'node:path'
import {
  type ChannelName,
  type Digest,
  type Json,
  canonicalJson,
  digestOf,
  isDigest,
  limits,
  parseCanonicalJson,
} from '../../protocol/index.ts'
import {
  type FileSystem,
  ensureDirectory,
  isErrno,
  isTemporaryName,
  readFileIfPresent,
  removeIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { type TrustState, loadTrustState, saveTrustState } from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'

const format = 'longwave-publisher-1'

/** A release that this publisher signed or verified, so that it can be reverted to. */
export interface KnownRelease {
  readonly release: number
  readonly manifest: Digest
  readonly bytes: number
  readonly label?: string
}

/** An upload that was begun and not committed. */
export interface PendingUpload {
  readonly upload: string
  readonly manifest: Digest
}

/** What a publisher remembers of one channel at one address, besides the trust state. */
export interface ChannelRecord {
  /** The channel's URL, or the folder of its static form. */
  readonly address: string
  readonly channelId?: Digest | undefined
  /** Whether a commit of ours, or a verified state, was ever seen at this address. */
  readonly established: boolean
  /** Roots from version 1 on, the newest last; those beyond the verified one await a commit. */
  readonly roots: readonly Uint8Array[]
  readonly pending?: PendingUpload | undefined
  /** Newest last. */
  readonly releases: readonly KnownRelease[]
}

/** The folder of one channel below `HOME/publisher/channels`. */
export interface ChannelFolder {
  readonly directory: string
  load(): Promise<ChannelRecord>
  save(record: ChannelRecord): Promise<void>
  loadTrust(record: ChannelRecord): Promise<TrustState | undefined>
  saveTrust(state: TrustState): Promise<void>
  /** A manifest that was kept, by its id; undefined when it is not here. */
  loadManifest(which: 'head' | 'pending', id: Digest): Promise<Uint8Array | undefined>
  saveManifest(which: 'head' | 'pending', bytes: Uint8Array): Promise<void>
  dropPending(): Promise<void>
  /** Removes what a crashed run left; only under the lock. */
  tidy(): Promise<void>
}

/** Opens the folder of a channel; it is made when something is saved. */
export function channelFolder(
  fs: FileSystem,
  home: string,
  name: string,
  address: string,
): ChannelFolder {
  const digest = createHash('sha256').update(address).digest('hex').slice(0, 16)
  const directory = path.join(home, 'publisher', 'channels', `${name}-${digest}`)
  const recordFile = path.join(directory, 'channel.json')
  const trustFile = path.join(directory, 'trust.json')
  const manifestFile = (which: string) => path.join(directory, `${which}-manifest.json`)
  const write = async (file: string, bytes: Uint8Array | string): Promise<void> => {
    await ensureDirectory(fs, directory, { mode: 0o700 })
    await writeFileDurably(fs, file, bytes, { mode: 0o600 })
  }
  return {
    directory,
    async load() {
      const bytesMax = publisherLimits.recordBytesMax
      const bytes = await readFileIfPresent(fs, recordFile, { bytesMax })
      return bytes === undefined
        ? { address, established: false, roots: [], releases: [] }
        : parseRecord(bytes, recordFile)
    },
    save: (record) => write(recordFile, encodeRecord(record)),
    loadTrust: (record) => loadTrustState(fs, trustFile, { mustExist: record.established }),
    async saveTrust(state) {
      await ensureDirectory(fs, directory, { mode: 0o700 })
      await saveTrustState(fs, trustFile, state)
    },
    async loadManifest(which, id) {
      const bytesMax = limits.manifestBytesMax
      const bytes = await readFileIfPresent(fs, manifestFile(which), { bytesMax })
      return bytes !== undefined && digestOf(bytes) === id ? bytes : undefined
    },
    saveManifest: (which, bytes) => write(manifestFile(which), bytes),
    async dropPending() {
      await removeIfPresent(fs, manifestFile('pending'))
    },
    async tidy() {
      for (const name of await namesIn(fs, directory)) {
        if (isTemporaryName(name)) await removeIfPresent(fs, path.join(directory, name))
      }
    },
  }
}

/** What is remembered of all channels of a name, wherever they are. */
export async function channelRecords(
  fs: FileSystem,
  home: string,
  name: ChannelName,
): Promise<readonly ChannelRecord[]> {
  const channels = path.join(home, 'publisher', 'channels')
  const records: ChannelRecord[] = []
  for (const folder of await namesIn(fs, channels)) {
    // The name is followed by the 16 digits of the address.
    if (folder.slice(0, -17) !== name) continue
    const file = path.join(channels, folder, 'channel.json')
    const bytes = await readFileIfPresent(fs, file, { bytesMax: publisherLimits.recordBytesMax })
    if (bytes !== undefined) records.push(parseRecord(bytes, file))
  }
  return records
}

async function namesIn(fs: FileSystem, folder: string): Promise<readonly string[]> {
  try {
    return (await fs.readdir(folder)).map((entry) => entry.name).toSorted()
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}

function encodeRecord(record: ChannelRecord): string {
  return canonicalJson({
    format,
    address: record.address,
    channel: record.channelId,
    established: record.established,
    roots: record.roots.map((root) => Buffer.from(root).toString('base64')),
    pending: record.pending as Json | undefined,
    releases: record.releases.slice(-publisherLimits.releasesRememberedMax) as unknown as Json,
  })
}

function parseRecord(bytes: Uint8Array, file: string): ChannelRecord {
  try {
    const value = parseCanonicalJson(bytes, { bytesMax: publisherLimits.recordBytesMax })
    const record = value as { readonly [key: string]: Json | undefined }
    const { channel, pending, roots, releases, address } = record
    const sound =
      record['format'] === format &&
      typeof address === 'string' &&
      (channel === undefined || isDigest(channel)) &&
      Array.isArray(roots) &&
      roots.every((root) => typeof root === 'string') &&
      Array.isArray(releases)
    if (!sound) throw new TypeError('not a record of this format')
    return {
      address,
      channelId: channel as Digest | undefined,
      established: record['established'] === true,
      roots: (roots as readonly string[]).map((root) => Buffer.from(root, 'base64')),
      pending: pending as unknown as PendingUpload | undefined,
      releases: releases as unknown as KnownRelease[],
    }
  } catch (cause) {
    throw publishError('LW_PUBLISH_STATE_DAMAGED', {
      detail: `${file} does not read as it was written.`,
      cause,
      next: 'Restore it from a backup; without one, remove it and publish with the full link, so that the channel id is checked.',
    })
  }
}

/** A record with one more release that is known to be the channel's. */
export function withRelease(record: ChannelRecord, known: KnownRelease): ChannelRecord {
  const others = record.releases.filter((item) => item.release !== known.release)
  const releases = [...others, known].toSorted((a, b) => a.release - b.release)
  return { ...record, releases: releases.slice(-publisherLimits.releasesRememberedMax) }
}
