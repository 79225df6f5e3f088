import type { ChannelName, Digest } from '../../protocol/index.ts'
import type { FeedbackRecords, OverlayRecords } from './feedback-log.ts'

export type * from './feedback-log.ts'

/** `ended`: a signed final release was published; the name stays taken for ever. */
export type ChannelState = 'active' | 'ended'
export type ChannelAccess = 'open' | 'closed'

/** The newest version of each trust file of a channel; 0 before there is one. */
export interface TrustVersions {
  readonly root: number
  readonly targets: number
  readonly snapshot: number
  readonly timestamp: number
}

export interface ChannelRecord {
  readonly name: ChannelName
  /** SHA-256 of its first root metadata. */
  readonly channelId: Digest
  readonly state: ChannelState
  readonly access: ChannelAccess
  readonly headRelease: number
  readonly versions: TrustVersions
  /** Where the online key of the channel lies, in the words of whoever keeps the keys. */
  readonly onlineKey: string
  readonly createdAtMs: number
}

export interface ReleaseRecord {
  readonly release: number
  readonly label?: string
  readonly manifestDigest: Digest
  readonly manifestBytes: number
  readonly publishedAtMs: number
  readonly entries: number
  readonly totalBytes: number
  /** Whether tuners may still ask for it; its objects stay some time afterwards. */
  readonly isRetained: boolean
  /** Whether it is the signed final release. */
  readonly isEnd: boolean
}

export interface ObjectRecord {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

export type TrustRole = 'root' | 'targets' | 'snapshot' | 'timestamp'

/** One metadata file as it is served. */
export interface TrustFile {
  /** `1.root.json`, `7.targets.json`, `timestamp.json` … */
  readonly file: string
  readonly role: TrustRole
  readonly version: number
  readonly bytes: Uint8Array
}

/** What a first commit says of its channel. */
export interface NewChannel {
  readonly channelId: Digest
  readonly access: ChannelAccess
  readonly onlineKey: string
}

export interface ReleaseCommit {
  readonly channel: ChannelName
  /** Given by the first commit of a channel; then all of `replaces` is 0. */
  readonly create?: NewChannel
  /** The versions that this commit replaces: the compare of the compare-and-set. */
  readonly replaces: TrustVersions
  readonly release: Omit<ReleaseRecord, 'isRetained'>
  /** All objects that the release refers to, its manifest included, each once. */
  readonly objects: readonly ObjectRecord[]
  /** The files that change; their versions become the channel's. */
  readonly trustFiles: readonly TrustFile[]
  /** Ends this upload with the commit. */
  readonly upload?: string
  readonly access?: ChannelAccess
  readonly atMs: number
}

export type CommitOutcome =
  | { readonly outcome: 'committed'; readonly channel: ChannelRecord }
  /** The identical commit was made before: this is what it made. */
  | { readonly outcome: 'repeated'; readonly channel: ChannelRecord }
  /** Somebody else was first; `channel` is undefined when there is none, although one was replaced. */
  | { readonly outcome: 'conflict'; readonly channel: ChannelRecord | undefined }

export interface TrustReplacement {
  readonly channel: ChannelName
  /** The versions that must be the present ones; what is left out may be anything. */
  readonly expected: Partial<TrustVersions>
  readonly files: readonly TrustFile[]
  readonly atMs: number
}

export type ReplaceOutcome =
  | { readonly outcome: 'replaced'; readonly channel: ChannelRecord }
  | { readonly outcome: 'conflict'; readonly channel: ChannelRecord }

export type UploadState = 'open' | 'committed' | 'ended'

export interface UploadRecord {
  readonly id: string
  readonly channel: ChannelName
  readonly manifestDigest: Digest
  readonly baseTargetsVersion: number
  /** The online key that a first publish was shown. */
  readonly onlineKey?: string
  readonly state: UploadState
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

export type BundleState = 'making' | 'ready' | 'failed'

export interface BundleKey {
  readonly channel: ChannelName
  readonly fromRelease: number
  readonly toRelease: number
  readonly format: string
}

export interface BundleRecord extends BundleKey {
  readonly state: BundleState
  /** How much work went into it; a greater number was better compressed. */
  readonly effort: number
  /** Given when it is ready. */
  readonly object?: ObjectRecord
  /** When this state began. */
  readonly atMs: number
}

export interface TokenRecord {
  readonly id: string
  /** SHA-256 of the token; the token itself is kept nowhere. */
  readonly hash: Digest
  readonly scope: string
  /** A channel name, or a prefix followed by `*`. */
  readonly channels: string
  readonly createdAtMs: number
  readonly expiresAtMs?: number
  readonly note?: string
}

export interface ChannelRecords {
  find(name: ChannelName): Promise<ChannelRecord | undefined>
  /** By name. */
  list(): Promise<readonly ChannelRecord[]>
  setAccess(name: ChannelName, access: ChannelAccess): Promise<void>
}

export interface ReleaseRecords {
  find(channel: ChannelName, release: number): Promise<ReleaseRecord | undefined>
  findByManifest(channel: ChannelName, manifest: Digest): Promise<ReleaseRecord | undefined>
  /** Newest first. */
  list(
    channel: ChannelName,
    options?: { readonly onlyRetained?: boolean; readonly countMax?: number },
  ): Promise<readonly ReleaseRecord[]>
  /** Every object of one release, in no order. */
  objects(channel: ChannelName, release: number): AsyncIterable<ObjectRecord>
  /**
   * Makes a release the head, in one transaction and all or nothing. Calling it again with the same
   * arguments returns `repeated`, also after a crash hid the first answer.
   * @throws LW_STORE_UPLOAD_GONE, LW_STORE_OBJECT_LEAVING
   */
  commit(commit: ReleaseCommit): Promise<CommitOutcome>
}

export interface TrustRecords {
  find(channel: ChannelName, file: string): Promise<TrustFile | undefined>
  /** Names, roles and versions without the bytes. */
  list(channel: ChannelName): Promise<readonly Omit<TrustFile, 'bytes'>[]>
  /** Compare-and-set of metadata without a release: re-signing, rotation. */
  replace(replacement: TrustReplacement): Promise<ReplaceOutcome>
}

export interface UploadRecords {
  create(upload: Omit<UploadRecord, 'state'>): Promise<void>
  find(id: string): Promise<UploadRecord | undefined>
  /** The open upload of this manifest, so that a publisher can go on after a crash. */
  findOpen(channel: ChannelName, manifest: Digest): Promise<UploadRecord | undefined>
  /** The open ones; while one is open, nothing that its channel refers to leaves the store. */
  listOpen(channel?: ChannelName): Promise<readonly UploadRecord[]>
  extend(id: string, expiresAtMs: number): Promise<void>
  /**
   * Says that these objects are about to be received; from then on they are not deleted. To be
   * called before `ObjectStore.receive`, which may find them present.
   * @throws LW_STORE_OBJECT_LEAVING when one is being deleted right now: try again
   * @throws LW_STORE_UPLOAD_GONE
   */
  lease(id: string, objects: readonly ObjectRecord[]): Promise<void>
  /** Says that these are durable in the store. */
  delivered(id: string, digests: readonly Digest[]): Promise<void>
  /** Those that neither the channel refers to nor this upload delivered (DESIGN §5 "Publish"). */
  missing(id: string, digests: readonly Digest[]): Promise<Set<Digest>>
  /** Whether the channel refers to it or this upload delivered it: then it may be a delta base. */
  holds(id: string, digest: Digest): Promise<boolean>
  /** Ends an upload without a commit. */
  abandon(id: string, atMs: number): Promise<void>
  /** Ends those that ran out; returns their ids. */
  expire(nowMs: number): Promise<readonly string[]>
}

export interface BundleRecords {
  find(key: BundleKey): Promise<BundleRecord | undefined>
  /** Ready or not, of a channel. */
  list(channel: ChannelName): Promise<readonly BundleRecord[]>
  /** Whether a ready bundle of the channel has these bytes. */
  holds(channel: ChannelName, digest: Digest): Promise<boolean>
  /**
   * Takes the making of a bundle upon itself: true for one of many who ask. One that was begun
   * before `staleBeforeMs` counts as given up; a failed one may be begun again; a ready one only
   * with more effort, and it stays served meanwhile.
   */
  begin(
    key: BundleKey,
    options: { readonly effort: number; readonly atMs: number; readonly staleBeforeMs: number },
  ): Promise<boolean>
  /**
   * Says which bytes are about to be received for it; from then on they are not deleted. To be
   * called between `begin` and `ObjectStore.receive`, which may find them present.
   * @throws LW_STORE_OBJECT_LEAVING when they are being deleted right now: try again
   */
  announce(key: BundleKey, object: ObjectRecord): Promise<void>
  /** Offers the announced bytes, durable in the store now. The bundle before it leaves the store. */
  ready(key: BundleKey, made: { readonly effort: number; readonly atMs: number }): Promise<void>
  failed(key: BundleKey, atMs: number): Promise<void>
  delete(key: BundleKey, atMs: number): Promise<void>
}

export interface RetentionSummary {
  readonly releases: number
  /** Objects that now count down until they leave. */
  readonly leavingObjects: number
}

export interface RetentionRecords {
  /**
   * Takes releases out of retention; the head never leaves. Objects that only they refer to leave
   * the channel after the grace time.
   */
  endReleases(
    channel: ChannelName,
    releases: readonly number[],
    atMs: number,
  ): Promise<RetentionSummary>
  /** Drops references whose grace time is over; returns how many. */
  dropReferences(nowMs: number): Promise<number>
  /**
   * Deletes objects that nobody refers to any more: marks a group in one transaction that checks
   * references, bundles and leases again, has `remove` delete their bytes, then forgets them. What
   * a crash interrupted is finished first: a minute later, or at once when the caller knows that no
   * other process uses the records, as at the start of a transmitter. Returns how many.
   */
  deleteObjects(
    nowMs: number,
    remove: (digests: readonly Digest[]) => Promise<void>,
    options?: { readonly isOnlyProcess?: boolean },
  ): Promise<number>
  /** Those of the digests that the records know nothing of: left by a crash. */
  unknown(digests: readonly Digest[]): Promise<Set<Digest>>
  /** Hands objects that `unknown` found over to `deleteObjects`. */
  addUnreferenced(objects: readonly ObjectRecord[], deletableAtMs: number): Promise<void>
  /**
   * Forgets superseded snapshot and targets files made before, or only those of some roles; every
   * root stays.
   */
  dropTrustFiles(
    beforeMs: number,
    roles?: readonly Extract<TrustRole, 'targets' | 'snapshot'>[],
  ): Promise<number>
  /** Objects that channels or bundles refer to, each once: what must be in the store. */
  referenced(): AsyncIterable<ObjectRecord>
}

export interface TokenRecords {
  create(token: TokenRecord): Promise<void>
  findByHash(hash: Digest): Promise<TokenRecord | undefined>
  list(): Promise<readonly TokenRecord[]>
  delete(id: string): Promise<boolean>
}

export interface SettingRecords {
  get(key: string): Promise<string | undefined>
  set(key: string, value: string): Promise<void>
  /** Sets it unless it is set; returns what holds: for secrets that several processes share. */
  setOnce(key: string, value: string): Promise<string>
}

/** What a repeater that dialled in serves of one channel. */
export interface RepeaterHolding {
  readonly url: string
  readonly release: number
  /** When it was heard of last. */
  readonly seenAtMs: number
}

/** A release that repeaters fetch before it becomes the head. */
export interface PreparationRecord {
  readonly id: string
  readonly channel: ChannelName
  readonly release: number
  readonly manifestDigest: Digest
  readonly roots: readonly string[]
  readonly targets: string
  readonly expiresAtMs: number
}

export interface AssignmentQuestion {
  readonly channel: ChannelName
  readonly tuner: Digest
  readonly atMs: number
  /** Tuners that may be noted per channel; beyond that an answer is given and not kept. */
  readonly tunersMax: number
  /**
   * Decides, within the transaction, from what was decided before (undefined: nothing) and from how
   * many tuners each repeater has; null is the origin itself.
   */
  readonly choose: (state: {
    readonly before: string | null | undefined
    readonly loads: ReadonlyMap<string, number>
  }) => string | null
}

/** What an origin keeps of its repeaters. */
export interface RepeaterRecords {
  seen(url: string, atMs: number): Promise<void>
  /** Says all that a repeater serves; what it said before is forgotten. */
  report(
    url: string,
    channels: readonly { readonly name: string; readonly release: number }[],
    atMs: number,
  ): Promise<void>
  /** When each was heard of last. */
  list(): Promise<readonly { readonly url: string; readonly seenAtMs: number }[]>
  holdings(channel: ChannelName): Promise<readonly RepeaterHolding[]>
  /** Forgets repeaters that were not heard of since then. */
  forget(beforeMs: number): Promise<void>
  /** Announces a release; the same one again only lives longer. */
  prepare(preparation: PreparationRecord): Promise<void>
  findPreparation(id: string): Promise<PreparationRecord | undefined>
  /** Those that have not run out. */
  preparations(nowMs: number): Promise<readonly PreparationRecord[]>
  /** Notes that a repeater has all of some prepared releases. */
  ready(url: string, ids: readonly string[]): Promise<void>
  readyFor(id: string): Promise<readonly string[]>
  /** Ends one preparation, and those that ran out. */
  endPreparation(id: string, nowMs: number): Promise<void>
  /** What was decided for a tuner; undefined for nothing. */
  assignment(channel: ChannelName, tuner: Digest): Promise<string | null | undefined>
  /** Decides for a tuner in one transaction; a row is written only when the answer is a new one. */
  assign(question: AssignmentQuestion): Promise<string | null>
  loads(channel: ChannelName): Promise<ReadonlyMap<string, number>>
}

/** What only a mirror needs, which signs nothing itself. */
export interface MirrorRecords {
  /**
   * Lets the versions of the metadata below the root fall, which they may once an attacker who had
   * run ahead lost the keys (TUF 5.3.11). The files stay until newer ones take their places.
   */
  lowerVersions(channel: ChannelName): Promise<void>
}

/** What a transmitter keeps in SQL: one interface, SQLite or PostgreSQL behind it. */
export interface ServerRecords extends AsyncDisposable {
  readonly channels: ChannelRecords
  readonly releases: ReleaseRecords
  readonly trust: TrustRecords
  readonly uploads: UploadRecords
  readonly bundles: BundleRecords
  readonly retention: RetentionRecords
  readonly tokens: TokenRecords
  readonly settings: SettingRecords
  readonly mirrors: MirrorRecords
  readonly repeaters: RepeaterRecords
  readonly feedback: FeedbackRecords
  readonly overlays: OverlayRecords
  /** Whether the channel refers to the object: asked before each object is served. */
  isReferenced(channel: ChannelName, digest: Digest): Promise<boolean>
  /** The object's bytes when the channel refers to it. */
  referencedSize(channel: ChannelName, digest: Digest): Promise<number | undefined>
  /** Writes a complete, consistent and durable copy to a new file while others go on working. */
  backup(file: string): Promise<void>
  /** What is wrong inside the database; empty when nothing is. */
  check(): Promise<readonly string[]>
  close(): Promise<void>
}
