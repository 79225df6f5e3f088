import type { ChannelName, Digest } from '../../protocol/index.ts'

/** One entry as a tuner sends it; tuner, epoch and sequence are its id for ever. */
export interface FeedbackEntryRecord {
  readonly sequence: number
  /** 16 hexadecimal digits that tell apart what two copies of one disk append. */
  readonly nonce: string
  /** When the channel appended it, by the tuner's clock. */
  readonly appendedAtMs: number
  readonly type: string
  readonly data: Uint8Array
}

/** What one update request brings: entries of one stream, in order, without gaps. */
export interface FeedbackBatch {
  readonly channel: ChannelName
  readonly tuner: Digest
  /** 32 hexadecimal digits. */
  readonly epoch: string
  readonly entries: readonly FeedbackEntryRecord[]
  /** Whether a plug-in is owed these entries. */
  readonly isForPlugin: boolean
  readonly atMs: number
}

export type AppendOutcome =
  /**
   * Everything up to `sequence` is in the log, once. `isFirstOwed`: the batch was new, and all that
   * the plug-in is owed of this tuner is this batch.
   */
  | { readonly outcome: 'stored'; readonly sequence: number; readonly isFirstOwed?: true }
  /** The batch begins beyond what is in the log; nothing of it was stored. */
  | { readonly outcome: 'gap'; readonly sequence: number }
  /**
   * Another copy of this tuner's state wrote before; nothing was stored. The batch's entries up to
   * `sequence` are in the log nevertheless: they were appended before the copy was made.
   */
  | { readonly outcome: 'cloned'; readonly sequence: number }
  /** The channel's log has no room; nothing of the batch was stored. */
  | { readonly outcome: 'full'; readonly sequence: number }

/** How long the log of a channel may become. */
export interface FeedbackBounds {
  /** Bytes from which nothing is appended any more. */
  readonly bytesMax: number
  /** Bytes from which no new stream begins: what is left is for those that are known. */
  readonly newStreamBytesMax: number
}

/** An entry in a channel's log. */
export interface FeedbackRecord extends FeedbackEntryRecord {
  /** Counts the channel's entries from 1, without gaps, in the order of their arrival. */
  readonly position: number
  readonly tuner: Digest
  readonly epoch: string
  readonly receivedAtMs: number
}

/** How far a stream has come. */
export interface StreamMark {
  readonly tuner: Digest
  readonly epoch: string
  readonly sequence: number
}

/** The feedback logs of channels, and how far their plug-ins have read them. */
export interface FeedbackRecords {
  /**
   * Appends batches, each whole or not at all and each entry once, in one transaction; durable when
   * it returns. The outcomes are in the order of the batches.
   * @throws LW_STORE_NO_CHANNEL
   */
  append(
    batches: readonly FeedbackBatch[],
    bounds?: FeedbackBounds,
  ): Promise<readonly AppendOutcome[]>
  /** Entries behind a position, in order. */
  list(
    channel: ChannelName,
    range: { readonly after: number; readonly countMax: number },
  ): Promise<readonly FeedbackRecord[]>
  /** Entries that the plug-in has not had yet, in order, of all tuners or of some. */
  undelivered(
    channel: ChannelName,
    range: { readonly tuners?: readonly Digest[]; readonly countMax: number },
  ): Promise<readonly FeedbackRecord[]>
  /** Says that the plug-in had everything of these streams up to the marks. */
  setDelivered(marks: readonly (StreamMark & { readonly channel: ChannelName })[]): Promise<void>
  counts(channel: ChannelName): Promise<FeedbackCounts>
}

export interface FeedbackCounts {
  readonly entries: number
  readonly undelivered: number
  /** What the log takes, about. */
  readonly bytes: number
}

/** The files that a plug-in made for one tuner, as their signed statement lists them. */
export interface OverlayRecord {
  readonly tuner: Digest
  readonly release: number
  readonly serial: number
  readonly statement: string
  readonly signature: string
}

/** The newest overlay of each tuner, and its files, which nobody else may read. */
export interface OverlayRecords {
  find(channel: ChannelName, tuner: Digest): Promise<OverlayRecord | undefined>
  /**
   * Replaces a tuner's overlay and keeps its files. False when its serial is not greater than that
   * of the present one: another request of this tuner was first.
   */
  replace(
    channel: ChannelName,
    overlay: OverlayRecord & {
      readonly files: readonly { readonly digest: Digest; readonly bytes: Uint8Array }[]
      readonly atMs: number
    },
  ): Promise<boolean>
  /** The bytes of a file of this tuner's overlay. */
  file(channel: ChannelName, tuner: Digest, digest: Digest): Promise<Uint8Array | undefined>
}
