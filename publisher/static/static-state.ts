import { type ChannelName, type Digest, isLongwaveError, limits } from '../../protocol/index.ts'
import {
  type KeyPair,
  type RootFile,
  type SnapshotFile,
  type TargetsFile,
  type TimestampFile,
  channelIdOf,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  requireReferenced,
  verifyFirstRoot,
  verifyNextRoot,
  verifySignatures,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import {
  type ChannelFolder,
  type ChannelRecord,
  type CreatedKeys,
  loadOrMakeKeys,
  makeFirstRoot,
  type PublisherContext,
} from '../sign/index.ts'
import type { StaticSite } from './static-site.ts'

/** A consistent set of metadata files; expiry is not looked at, since they are to be replaced. */
export interface StaticFiles {
  readonly targets: TargetsFile
  readonly snapshot: SnapshotFile
  readonly timestamp: TimestampFile
}

export interface StaticChannel {
  readonly channelId: Digest
  readonly record: ChannelRecord
  /** All roots from version 1, and the newest parsed. */
  readonly roots: readonly Uint8Array[]
  readonly root: RootFile
  /** What subscribers can have seen last; undefined before the first release. */
  readonly files: StaticFiles | undefined
  readonly signers: readonly KeyPair[]
  readonly online: KeyPair
  readonly created: CreatedKeys | undefined
  /** The newest root no longer takes the signature of the newest release: sign it anew. */
  readonly needsSigning: boolean
}

export interface StaticOpenOptions {
  readonly context: PublisherContext
  readonly site: StaticSite
  readonly folder: ChannelFolder
  readonly name: ChannelName
}

/**
 * Opens the static form of a channel: what lies in the folder, verified with the channel's keys,
 * or what this publisher signed last, whichever is newer. So a folder that was lost or restored
 * from an old copy never makes version numbers go back.
 * @throws LW_TRUST_…, LW_PUBLISH_KEYS_MISSING
 */
export async function openStatic(options: StaticOpenOptions): Promise<StaticChannel> {
  const { context, site, folder, name } = options
  let record = await folder.load()
  let created: CreatedKeys | undefined
  const firstThere = await site.trustFile('1.root.json')
  if (record.channelId === undefined && firstThere === undefined) {
    const [online] = await loadOrMakeKeys(context, name, 'online')
    if (online === undefined) throw new TypeError('no online key was made')
    const first = await makeFirstRoot(context, { name, folder, record, onlineKey: online.hex })
    record = first.record
    created = first.created
  }
  const channelId = record.channelId ?? channelIdOf(firstThere ?? new Uint8Array())
  await context.keyRing.assign(name, channelId)
  const roots = await readRoots(site, channelId, record.roots)
  const root = parseRoot(roots.at(-1) ?? new Uint8Array())
  const own = await ownFiles(folder, record)
  const there = await readFiles(site, { channelId, root, own })
  const files = newer(there, own)
  return {
    channelId,
    record: { ...record, channelId, roots },
    roots,
    root,
    files,
    signers: await loadKeys(context, channelId, 'targets', root.view.roles.targets.keys),
    online: (await loadKeys(context, channelId, 'online', root.view.roles.timestamp.keys))[0],
    created,
    needsSigning: files !== undefined && !isSignedUnder(root, files),
  }
}

async function loadKeys(
  context: PublisherContext,
  channelId: Digest,
  role: 'targets' | 'online',
  allowed: readonly { readonly keyId: Digest }[],
): Promise<readonly [KeyPair, ...KeyPair[]]> {
  const pairs = await context.keyRing.load({ channelId }, role, context.passphrase)
  const [first, ...rest] = pairs.filter((pair) => allowed.some((key) => key.keyId === pair.keyId))
  if (first !== undefined) return [first, ...rest]
  throw publishError('LW_PUBLISH_KEYS_MISSING', {
    detail: `The ${role} key here is not one that the channel's newest root names.`,
    untouched: 'Nothing was changed.',
  })
}

/** The chain of roots: the folder's where it is sound and longer, ours otherwise. */
async function readRoots(
  site: StaticSite,
  channelId: Digest,
  own: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const roots = [...own]
  if (roots.length === 0) {
    const first = await site.trustFile('1.root.json')
    if (first === undefined || channelIdOf(first) !== channelId) {
      throw publishError('LW_PUBLISH_STATE_DAMAGED', {
        detail: `${site.directory} has no first root of channel ${channelId}.`,
      })
    }
    verifyFirstRoot(parseRoot(first))
    roots.push(first)
  }
  while (roots.length < limits.rootRotationsMax) {
    const next = await site.trustFile(`${roots.length + 1}.root.json`)
    if (next === undefined) break
    verifyNextRoot(parseRoot(roots.at(-1) ?? next), parseRoot(next))
    roots.push(next)
  }
  return roots
}

interface ReadOptions {
  readonly channelId: Digest
  readonly root: RootFile
  readonly own: StaticFiles | undefined
}

async function readFiles(
  site: StaticSite,
  { channelId, root, own }: ReadOptions,
): Promise<StaticFiles | undefined> {
  const stamp = await site.trustFile('timestamp.json')
  if (stamp === undefined) return undefined
  // A change of keys that broke off leaves what we signed ourselves under the root before.
  if (own !== undefined && Buffer.from(stamp).equals(own.timestamp.bytes)) return own
  const timestamp = parseTimestamp(stamp)
  const shot = await site.trustFile(`${timestamp.view.snapshot.version}.snapshot.json`)
  if (shot === undefined) return undefined
  requireReferenced(timestamp.view.snapshot, shot, 'snapshot')
  const snapshot = parseSnapshot(shot)
  const target = await site.trustFile(`${snapshot.view.targets.version}.targets.json`)
  if (target === undefined) return undefined
  requireReferenced(snapshot.view.targets, target, 'targets')
  const targets = parseTargets(target)
  const files = { targets, snapshot, timestamp }
  verifyUnder(root, files)
  if (Object.values(files).some((file) => file.view.channelId !== channelId)) {
    throw publishError('LW_PUBLISH_STATE_DAMAGED', {
      detail: `${site.directory} holds metadata of another channel.`,
    })
  }
  return files
}

function verifyUnder({ view }: RootFile, { targets, snapshot, timestamp }: StaticFiles): void {
  verifySignatures(timestamp, [view.roles.timestamp])
  verifySignatures(snapshot, [view.roles.snapshot])
  verifySignatures(targets, [view.roles.targets])
}

function isSignedUnder(root: RootFile, files: StaticFiles): boolean {
  try {
    verifyUnder(root, files)
    return true
  } catch (error) {
    if (isLongwaveError(error, 'LW_TRUST_SIGNATURE')) return false
    throw error
  }
}

async function ownFiles(
  folder: ChannelFolder,
  record: ChannelRecord,
): Promise<StaticFiles | undefined> {
  const trust = await folder.loadTrust(record)
  if (trust?.targets === undefined || trust.snapshot === undefined) return undefined
  if (trust.timestamp === undefined) return undefined
  return {
    targets: parseTargets(trust.targets),
    snapshot: parseSnapshot(trust.snapshot),
    timestamp: parseTimestamp(trust.timestamp),
  }
}

function newer(a: StaticFiles | undefined, b: StaticFiles | undefined): StaticFiles | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.timestamp.view.version >= b.timestamp.view.version ? a : b
}
