import type { ChannelName, CommitResult, Digest } from '../protocol/index.ts'
import type { ContentChanges } from './plan/index.ts'
import type { ScanProgress } from './scan/index.ts'
import type { CreatedKeys } from './sign/index.ts'
import type { TunerRoutes } from './tuner-routes.ts'
import type { UploadProgress } from './upload/index.ts'

/** What a publish, revert or end did, for people and scripts. */
export interface PublishSummary {
  /** `nothing-new`: the head says the same already; `dry-run`: nothing was sent or signed. */
  readonly outcome: 'published' | 'nothing-new' | 'dry-run'
  readonly url: string
  readonly name: ChannelName
  /** Undefined only in a dry run of a channel that does not exist yet. */
  readonly channelId: Digest | undefined
  readonly fingerprint: string | undefined
  /** `longwave:URL#CHANNEL-ID`: what subscribers are given; without the id where there is none. */
  readonly link: string
  readonly release: number
  readonly label: string | undefined
  readonly manifestId: Digest
  readonly manifestBytes: number
  readonly entries: number
  readonly files: number
  readonly bytes: number
  readonly changes: ContentChanges
  /** Objects that the transmitter had of this channel. */
  readonly reusedObjects: number
  readonly reusedBytes: number
  readonly sentObjects: number
  /** Bytes of request bodies as they went over the wire, broken attempts included. */
  readonly sentBytes: number
  readonly deltas: number
  /** Bytes of the objects that travelled as deltas. */
  readonly deltaObjectBytes: number
  readonly keysCreated: CreatedKeys | undefined
  /** The key that signs freshness at the transmitter, shown when it is pinned. */
  readonly onlineKey: string | undefined
  /** For the tuners that followed; none at the first release, and when it is not told. */
  readonly routes: TunerRoutes | undefined
  readonly repeaters: CommitResult['repeaters']
  readonly warnings: readonly string[]
  /** Commands that come next, for people. */
  readonly next: readonly string[]
  readonly durationMs: number
}

/** What a publisher tells while it works. */
export type PublishProgress =
  | ({ readonly phase: 'scan' } & ScanProgress)
  | ({ readonly phase: 'upload' } & UploadProgress)
  | { readonly phase: 'commit' }
  | { readonly phase: 'conflict'; readonly release: number; readonly winner: string }
