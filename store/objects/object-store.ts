import type { Digest } from '../../protocol/index.ts'

/** One stored object, open for reading. */
export interface ObjectReader extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** Where the object lies, when it is a file that a server may open or send itself. */
  readonly path?: string
  /** The descriptor of that file, valid until `close`. */
  readonly fd?: number
  /** Fills `into` from `position` and returns the bytes read: fewer only at the end. */
  read(position: number, into: Uint8Array): Promise<number>
  close(): Promise<void>
}

/** Bytes on their way into the store: a stream, or a file that stays as it is. */
export type ObjectSource =
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | { readonly fromPath: string }

/** An object that is announced under its digest and size. */
export interface IncomingObject {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly source: ObjectSource
}

/** `present`: the store had it, the source was not read. */
export type ReceiveOutcome = 'stored' | 'present'

export interface ReceiveSummary {
  readonly storedObjects: number
  readonly storedBytes: number
  readonly presentObjects: number
}

export interface ReceiveManyOptions {
  /**
   * Called with objects that are durable now, group by group: what it does for them is never done
   * too early.
   */
  readonly onDurable?: (objects: readonly StoredObject[]) => Promise<void> | void
  readonly signal?: AbortSignal
}

export interface StoredObject {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

export interface ListedObject extends StoredObject {
  readonly storedAtMs: number
}

/** Other forms of an object that lie beside it; they are derived and may be lost. */
export type ObjectVariant = 'br'

/**
 * Bytes of an object that arrive in several attempts. What was appended before a crash may be
 * shorter afterwards; `bytes` always says where to go on.
 */
export interface PartialObject extends AsyncDisposable {
  /** Bytes held. */
  readonly bytes: number
  /**
   * Appends at the end.
   * @throws LW_STORE_PARTIAL when `offset` is not the end
   */
  append(offset: number, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>
  /**
   * Checks the whole and makes it an object, durably; the partial one is gone afterwards.
   * @throws LW_STORE_DIGEST_MISMATCH; the partial one is gone then, too
   */
  finish(expected: StoredObject): Promise<ReceiveOutcome>
  /** Gives the bytes up. */
  discard(): Promise<void>
  close(): Promise<void>
}

export interface ScrubFinding extends StoredObject {
  readonly state: 'sound' | 'damaged'
}

export interface TidySummary {
  readonly temporaryFiles: number
  readonly partials: number
}

/**
 * Bytes addressed by their SHA-256. Objects are immutable: receiving one again changes nothing.
 * Whatever `receive` returned for survives a power cut.
 */
export interface ObjectStore {
  has(digest: Digest): Promise<boolean>
  /** Bytes, or undefined when absent. */
  size(digest: Digest): Promise<number | undefined>
  /** Those of the digests that the store lacks. */
  missing(digests: Iterable<Digest>): Promise<Set<Digest>>
  /** Undefined when absent. Contents are not verified again: see `scrub` and `load`. */
  open(digest: Digest): Promise<ObjectReader | undefined>
  /**
   * The whole object, verified.
   * @throws LW_STORE_OBJECT_MISSING, LW_STORE_OBJECT_DAMAGED, LW_STORE_LIMIT
   */
  load(digest: Digest, options: { readonly bytesMax: number }): Promise<Uint8Array>
  /**
   * Takes one object: hashed while it is written, durable when this returns. Never more than
   * `size` bytes are read from the source.
   * @throws LW_STORE_DIGEST_MISMATCH, LW_STORE_DISK_FULL, LW_STORE_IO …; nothing stays behind
   */
  receive(
    object: IncomingObject,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ReceiveOutcome>
  /**
   * Takes many objects with grouped fsync. Sources are read one after the other in order, so parts
   * of one network stream may be given. Objects of groups that became durable before a failure
   * stay.
   */
  receiveMany(
    objects: AsyncIterable<IncomingObject> | Iterable<IncomingObject>,
    options?: ReceiveManyOptions,
  ): Promise<ReceiveSummary>
  /** Removes an object and its variants; returns whether it was there. */
  delete(digest: Digest): Promise<boolean>
  list(): AsyncIterable<ListedObject>
  /** Reads one object and compares; a damaged one is set aside and counts as absent from then on. */
  verify(
    digest: Digest,
    options?: { readonly signal?: AbortSignal },
  ): Promise<'sound' | 'damaged' | 'absent'>
  /**
   * Reads every object and compares; a damaged one is set aside and counts as absent from then on.
   */
  scrub(options?: { readonly signal?: AbortSignal }): AsyncIterable<ScrubFinding>
  /**
   * Opens what earlier attempts left of an object, or starts it.
   * @param key chosen by the caller; one user at a time: LW_STORE_LOCKED otherwise
   */
  openPartial(key: string): Promise<PartialObject>
  /** The keys of what earlier attempts left that begin like this, looked up at once. */
  partialKeys(prefix: string): Promise<ReadonlySet<string>>
  putVariant(
    digest: Digest,
    variant: ObjectVariant,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void>
  openVariant(digest: Digest, variant: ObjectVariant): Promise<ObjectReader | undefined>
  /**
   * Cleans up after a crash; to be called by the store's owner before it serves. Partial objects go
   * only when nobody touched them since then.
   */
  tidy(options: { readonly partialsUntouchedSinceMs: number }): Promise<TidySummary>
}
