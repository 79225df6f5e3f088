import type { FetchProgress } from '../mirroring/index.ts'
import type { FileSystem, Randomness } from '../store/durable-files/index.ts'
import type { Transport, TransportClock } from '../transport/index.ts'
import type { ChannelAccesses } from './backchannel/channel-access.ts'
import type { FeedbackQueue } from './feedback/index.ts'
import type { History } from './history/index.ts'
import type { LiveUsers } from './live-users/index.ts'
import type { SubscriptionStore } from './subscriptions/index.ts'
import type { Turns } from './turns.ts'
import type { RequestMemory } from './update-requests/index.ts'

/** What the operations of a tuner share. */
export interface TunerContext {
  readonly fs: FileSystem
  /** `HOME`; synchronized folders may not meet it. */
  readonly home: string
  /** `HOME/tuner` */
  readonly directory: string
  /** Random, made once: spreads this tuner's runs away from those of others. */
  readonly tunerId: string
  readonly transport: Transport
  readonly clock: TransportClock
  readonly randomness: Randomness
  /** The tuner's IANA zone. */
  readonly zone: string
  readonly subscriptions: SubscriptionStore
  readonly history: History
  /** What waits to be told to origins. */
  readonly feedback: FeedbackQueue
  /** What update requests brought. */
  readonly requests: RequestMemory
  /** Channels that run now, and how they reach this tuner. */
  readonly liveUsers: LiveUsers
  readonly accesses: ChannelAccesses
  /** Generations that are kept of a channel, the current one included. */
  readonly kept: number
  /** Operations of one subscription wait for each other. */
  readonly turns: Turns
  /** Subscriptions in which nothing is left of a crash or a failure. */
  readonly recovered: Set<string>
}

/** How an operation is watched and ended. */
export interface OperationOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FetchProgress) => void
}
