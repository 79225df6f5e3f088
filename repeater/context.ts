import type { ChannelName, Digest } from '../protocol/index.ts'
import type { ChannelCatalogue } from '../serving/channels/index.ts'
import type { HttpServer } from '../serving/index.ts'
import type { FileSystem } from '../store/durable-files/index.ts'
import type { ObjectStore } from '../store/objects/index.ts'
import type { ServerRecords } from '../store/server-records/index.ts'
import type { Transport, TransportClock } from '../transport/index.ts'

/** Where releases come from. */
export interface Origin {
  /** The origin's base URL without a trailing slash. */
  readonly url: string
  /** Opens what the origin shows to registered repeaters only; a mirror works without. */
  readonly token: string | undefined
}

/** What a mirror needs: its own disk, and the network. */
export interface MirrorContext {
  readonly fs: FileSystem
  /** `HOME/repeater` or `--data`. */
  readonly directory: string
  readonly records: ServerRecords
  readonly objects: ObjectStore
  readonly transport: Transport
  readonly clock: TransportClock
  readonly origin: Origin
  /** Bytes that came from the origin, by what they were for. */
  readonly received: OriginBytes
  /** Called after what is served of a channel has changed. */
  onServed(channel: ChannelName): Promise<void>
  /** Called when a new release is served, before `onServed`. */
  onRelease(served: ServedRelease): Promise<void>
  readonly signal: AbortSignal
}

/** A bundle that lies in a file of its own until the records take it. */
export interface KeptBundle {
  readonly from: number
  readonly to: number
  readonly sha256: Digest
  readonly bytes: number
  readonly file: string
}

/** A release that has just become the one that is served. */
export interface ServedRelease {
  readonly name: ChannelName
  /** What was served before; 0 for nothing. */
  readonly from: number
  readonly release: number
  readonly bundle: KeptBundle | undefined
}

export interface OriginBytes {
  metadata: number
  content: number
}

/** A channel that the configuration names. */
export interface WantedChannel {
  readonly name: ChannelName
  /** The channel id, when it was given beforehand. */
  readonly channelId: Digest | undefined
}

/** What the rooms that answer requests share. */
export interface ServingContext {
  readonly catalogue: ChannelCatalogue
  readonly records: ServerRecords
  readonly objects: ObjectStore
  readonly server: HttpServer
  readonly clock: TransportClock
  readonly origin: Origin
}

/** The request headers that open what needs the repeater's token. */
export function originHeaders(origin: Origin): Readonly<Record<string, string>> {
  return origin.token === undefined ? {} : { authorization: `Bearer ${origin.token}` }
}
