import type { FileSystem, Randomness } from '../store/durable-files/index.ts'
import type { Transport, TransportClock } from '../transport/index.ts'
import type { FetchProgress } from '../mirroring/index.ts'
import type { History } from './history/index.ts'
import type { SubscriptionStore } from './subscriptions/index.ts'

/** What the operations of a tuner share. */
export interface TunerContext {
  readonly fs: FileSystem
  /** `HOME`; synchronized folders may not meet it. */
  readonly home: string
  /** `HOME/tuner` */
  readonly directory: string
  readonly transport: Transport
  readonly clock: TransportClock
  readonly randomness: Randomness
  /** The tuner's IANA zone. */
  readonly zone: string
  readonly subscriptions: SubscriptionStore
  readonly history: History
  /** Generations that are kept of a channel, the current one included. */
  readonly kept: number
}

/** How an operation is watched and ended. */
export interface OperationOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FetchProgress) => void
}
