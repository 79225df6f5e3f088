import type {
  ChannelAddress,
  CommitRequest,
  CommitResult,
  PublishState,
} from '../protocol/index.ts'
import type { ReleaseTarget } from '../trust/index.ts'
import type { ReleasePlan } from './plan/index.ts'
import type { PublishProgress } from './publish-summary.ts'
import type { ScannedSource } from './scan/index.ts'
import type { ChannelFolder, LoadedManifest, OpenChannel, PublisherContext } from './sign/index.ts'
import type { TunerRoutes } from './tuner-routes.ts'
import type { PublishApi, Uploaded } from './upload/index.ts'

/** What every act on a channel takes. */
export interface ActOptions {
  readonly address: ChannelAddress
  readonly token?: string | undefined
  /** How long the switch waits for listed repeaters. */
  readonly waitSeconds?: number | undefined
  /** Signs a new root for the online key that the transmitter shows now. */
  readonly acceptOnlineKey?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined
}

/** What is known when a release is drafted. */
export interface DraftBase {
  readonly api: PublishApi
  readonly state: PublishState
  readonly open: OpenChannel
  readonly previous: LoadedManifest | undefined
}

/** A release that somebody wants on top of a certain head. */
export interface Draft {
  readonly plan: ReleasePlan
  /** Where objects are read that the transmitter lacks; none when it must have all of them. */
  readonly source: ScannedSource | undefined
  /** Members of the signed target beyond those that follow from the manifest. */
  readonly target: Partial<Pick<ReleaseTarget, 'minimum' | 'rollout' | 'ended'>>
  readonly commit: Pick<CommitRequest, 'cms' | 'plugin'>
  readonly warnings: readonly string[]
  /** Not sent: there is nothing new, or this is a dry run. */
  readonly stop: 'nothing-new' | 'dry-run' | undefined
}

export interface RunOptions extends ActOptions {
  /** Drafts the release; called again on top of the winner's when a race was lost. */
  readonly draft: (base: DraftBase) => Promise<Draft>
  /** A channel that the transmitter does not have is refused, before anything is made for it. */
  readonly mustExist?: boolean
  /** A run that changes nothing, not even the publisher's own folder. */
  readonly dryRun?: boolean
}

/** One act under way. */
export interface Run {
  readonly context: PublisherContext
  readonly options: RunOptions
  readonly api: PublishApi
  readonly folder: ChannelFolder
  readonly startedMs: number
  readonly warnings: string[]
}

/** A release that the transmitter took. */
export interface Committed {
  readonly state: PublishState
  readonly open: OpenChannel
  readonly plan: ReleasePlan
  readonly draft: Draft
  readonly uploaded: Uploaded
  readonly result: CommitResult
  readonly routes: TunerRoutes | undefined
}
