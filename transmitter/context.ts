import type { ChannelName } from '../protocol/index.ts'
import type { ChannelCatalogue } from '../serving/channels/index.ts'
import type { HttpServer } from '../serving/index.ts'
import type { FileSystem } from '../store/durable-files/index.ts'
import type { ObjectStore } from '../store/objects/index.ts'
import type { ServerRecords } from '../store/server-records/index.ts'
import type { PublishAccess } from './access/index.ts'
import type { Compressor } from './compression/index.ts'
import type { ManifestMemory } from './manifests/index.ts'
import type { ChannelMeasures } from './measures/index.ts'
import type { OnlineKeys } from './online-keys/index.ts'
import type { PluginTimes } from './plugins/index.ts'
import type { CommitHook, MissingMemory } from './releases/index.ts'
import type { RepeaterRegistry } from './repeaters/index.ts'

/** What the rooms of a transmitter share. */
export interface TransmitterContext {
  readonly fs: FileSystem
  /** `HOME/transmitter` or `--data`. */
  readonly directory: string
  readonly records: ServerRecords
  readonly objects: ObjectStore
  readonly server: HttpServer
  readonly clock: { now(): number }
  readonly keys: OnlineKeys
  readonly access: PublishAccess
  readonly catalogue: ChannelCatalogue
  readonly manifests: ManifestMemory
  readonly compressor: Compressor
  readonly measures: ChannelMeasures
  readonly repeaters: RepeaterRegistry
  readonly missing: MissingMemory
  readonly pluginTimes: PluginTimes
  /** Bytes that the feedback log of one channel may take. */
  readonly feedbackBytesMax: number
  /** Asked before each switch and told after it, in order. */
  readonly commitHooks: CommitHook[]
  /** The URL that links carry; known once the server listens. */
  publicUrl(): string
  /** Called when a channel has got a new head. */
  onPublished(channel: ChannelName, release: number): void
}

/** Text form of a time for the wire: RFC 3339, UTC, whole seconds. */
export function timeText(ms: number): string {
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`
}
