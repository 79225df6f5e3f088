import type { Digest } from '../../protocol/index.ts'

/** What a tuner keeps of a channel. One URL may have a copy of the tuner's and folders besides. */
export interface Subscription {
  /** `NAME` for the tuner's own copy, `folder:…` for a synchronized folder. */
  readonly id: string
  /** How people call it: the channel's name or what `--as` said. */
  readonly name: string
  /** Channel URL without fragment. */
  readonly url: string
  readonly channel: Digest
  /**
   * Whether the fingerprint was in the link or came from the channel's own host. `unsigned` is a
   * bare DRP index, for which nobody vouches but its server; `url` is the index's then.
   */
  readonly firstUse: 'pinned' | 'trust-on-first-use' | 'unsigned'
  readonly into?: { readonly directory: string; readonly protect: readonly string[] }
  /** Where all requests go instead of the origin. */
  readonly proxy?: string
  readonly addedAt: string
  /** The user's schedule; the developer's in the manifest counts when absent. */
  readonly schedule?: string
  readonly paused?: boolean
  /** Set by undo: scheduled runs stay at this release until a release beyond `beyond` exists. */
  readonly hold?: { readonly release: number; readonly beyond: number }
  /** The user's grant to run without a sandbox: for this publisher, since then. */
  readonly grant?: { readonly channel: Digest; readonly at: string }
  /** Base URL of the repeater to use; the origin when absent. */
  readonly repeater?: string
  /** When the head was last asked for at the origin although there is a repeater, RFC 3339. */
  readonly comparedAt?: string
  /** The first fetch is under way or was interrupted. */
  readonly pending?: true
}

/** The last failure of a row of them. */
export interface Failure {
  readonly at: string
  /** When the first of the row happened. */
  readonly since: string
  readonly code: string
  readonly message: string
  readonly count: number
  /** When it is tried again, ms: drawn by chance within a limit that grows with the count. */
  readonly retryMs?: number
}

/** What happened last; changes with every poll, so it lives apart from the subscription. */
export interface SubscriptionStatus {
  readonly checkedAt?: string
  readonly succeededAt?: string
  readonly updatedAt?: string
  readonly failure?: Failure
  readonly etag?: string
  /** Release that the last verified metadata names. */
  readonly headRelease?: number
  readonly ended?: boolean
  /** When the rollout of the head lets this tuner in, ms. */
  readonly turnMs?: number
  /** The server asked not to be asked before, ms. */
  readonly notBeforeMs?: number
  /** What the installed release says of itself, so that nobody reads its manifest for a schedule. */
  readonly installed?: { readonly release: number; readonly schedule?: string }
}
