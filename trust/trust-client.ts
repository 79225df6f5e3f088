import {
  type Digest,
  fingerprintsOf,
  isLongwaveError,
  limits as formatLimits,
} from '../protocol/index.ts'
import { trustError } from './errors.ts'
import {
  type TrustWarning,
  refreshTime,
  requireFreshRoot,
  requireFreshSnapshot,
  requireFreshTargets,
  requireFreshTimestamp,
  warningsOf,
} from './freshness.ts'
import { type MetadataSource, fetchIfPresent } from './metadata-source.ts'
import { type VerifiedHead, fetchHead } from './online-refresh.ts'
import { channelIdOf, parseRoot, verifyFirstRoot } from './root-metadata.ts'
import { fetchFirstRoot, walkRoots } from './root-walk.ts'
import type { ReleaseTarget } from './targets-metadata.ts'
import { type FirstUse, type TrustState, openTrustState } from './trust-state.ts'

export interface TrustClientOptions {
  /** What was verified before; undefined only for a channel that is new here. */
  readonly state: TrustState | undefined
  /** The id that the link carried. */
  readonly channelId?: Digest
  /** What the person calls the channel, and where it lies: for the command that helps. */
  readonly subscription?: { readonly name: string; readonly url: string }
  /** The newest root that the link knew of: a source that holds it back is refused. */
  readonly minimumRootVersion?: number
  /** Whether `channelId` came from the person or from the channel's own host. */
  readonly firstUse: FirstUse
  readonly clock: { now(): number }
  /**
   * Keeps a state durably. Called after new roots (TUF 5.3.8) and after a complete refresh, with the
   * roots that were verified since the last call, in order: a mirror keeps them all for ever.
   */
  readonly persist?: (state: TrustState, newRoots: readonly Uint8Array[]) => Promise<void>
  /**
   * For the publisher alone: a root or a release whose signature has expired is accepted, with a
   * warning, when everything else about it holds, since signing it anew starts from there.
   */
  readonly mayRenew?: boolean
  readonly limits?: { readonly rootRotationsMax?: number }
}

export interface TrustOutcome {
  /**
   * `lagging`: the source is a mirror whose valid metadata is older than what is known here; ask
   * elsewhere. Everything else in the outcome is then what was known before.
   */
  readonly status: 'updated' | 'unchanged' | 'lagging'
  /** Whether `state` differs from the state before, in anything. */
  readonly changed: boolean
  readonly state: TrustState
  readonly head: ReleaseTarget
  /** RFC 3339. */
  readonly timestampIssued: string
  /** RFC 3339: the channel is stale from then on. */
  readonly timestampExpires: string
  readonly warnings: readonly TrustWarning[]
  /** The fingerprint came from the channel's own host: the person is told. */
  readonly trustOnFirstUse: boolean
}

export interface TrustClient {
  /** The newest verified state, also after a refresh that failed: verified roots are kept. */
  readonly state: TrustState | undefined
  /**
   * The TUF client workflow (5.1 to 5.6). Everything is verified before it is kept; of a failed
   * refresh nothing is kept but verified roots.
   * @throws LW_TRUST_…, LW_FORMAT_… and what the source throws
   */
  refresh(source: MetadataSource): Promise<TrustOutcome>
  /**
   * Answers a poll without further requests: `polled` is the body of `timestamp.json`, or the news
   * that it did not change (304). Undefined means that a refresh is needed. The stored files must
   * still be fresh: a 304 renews nothing.
   * @throws LW_TRUST_FROZEN, LW_TRUST_CLOCK_WRONG, LW_TRUST_EXPIRED_ROOT, LW_TRUST_EXPIRED_TARGETS
   */
  confirm(polled: Uint8Array | 'not-modified', dateMs?: number): TrustOutcome | undefined
}

/**
 * A client for one channel. Refreshes of one client must not overlap.
 * @throws LW_TRUST_CHANNEL_REPLACED when the link names another id than the one that is trusted
 */
export function createTrustClient(options: TrustClientOptions): TrustClient {
  const { channelId, state } = options
  if (state !== undefined && channelId !== undefined && channelId !== state.channelId) {
    throw channelReplaced({ trusted: state.channelId, found: channelId, options })
  }
  return new Client(options)
}

function channelReplaced(facts: {
  readonly trusted: Digest
  readonly found: Digest
  readonly options: Pick<TrustClientOptions, 'subscription'>
  readonly cause?: unknown
}): Error {
  const { trusted, found, cause } = facts
  const { name = 'NAME', url = 'URL' } = facts.options.subscription ?? {}
  const [ours, theirs] = fingerprintsOf(trusted, found)
  return trustError('LW_TRUST_CHANNEL_REPLACED', {
    detail: `Trusted is ${ours}, found is ${theirs}.`,
    members: { trusted, found },
    cause,
    untouched: 'Nothing was changed.',
    next: `longwave trust ${name} --replace '${url}#${found}'  # if the publisher confirms that fingerprint`,
  })
}

class Client implements TrustClient {
  readonly #options: TrustClientOptions
  #state: TrustState | undefined
  /** Verified roots that `persist` has not seen yet. */
  #newRoots: readonly Uint8Array[] = []

  constructor(options: TrustClientOptions) {
    this.#options = options
    this.#state = options.state
  }

  get state(): TrustState | undefined {
    return this.#state
  }

  async refresh(source: MetadataSource): Promise<TrustOutcome> {
    const known = this.#state
    try {
      return await this.#refresh(source)
    } catch (error) {
      throw known === undefined ? error : await explain(error, known, source, this.#options)
    }
  }

  async #refresh(source: MetadataSource): Promise<TrustOutcome> {
    const before = this.#state
    // TUF 5.1: one time for the whole refresh.
    const clockMs = this.#options.clock.now()
    // TUF 5.2: the trusted root, from before or by the channel id.
    const start = before ?? (await this.#firstRoot(source))
    let state = await this.#walkRoots(start, source)
    let answer: Awaited<ReturnType<typeof fetchHead>>
    try {
      answer = await this.#fetchHead(state, source, clockMs)
    } catch (error) {
      if (!isLongwaveError(error, 'LW_TRUST_SIGNATURE')) throw error
      // Keys may have been rotated between our look at the roots and the rest.
      const newer = await this.#walkRoots(state, source)
      if (newer === state) throw error
      state = newer
      answer = await this.#fetchHead(state, source, clockMs)
    }
    if (answer.kind === 'lagging') return this.#outcome(state, before, { clockMs, isLagging: true })
    const next = advance(state, answer.head)
    if (next !== this.#state) await this.#keep(next)
    return this.#outcome(next, before, { clockMs, isLagging: false })
  }

  #fetchHead(state: TrustState, source: MetadataSource, clockMs: number) {
    const { mayRenew } = this.#options
    return fetchHead(state, source, refreshTime(clockMs, state.timeFloorMs), { mayRenew })
  }

  async #firstRoot(source: MetadataSource): Promise<TrustState> {
    const { channelId, firstUse } = this.#options
    const state = await fetchFirstRoot(source, { channelId, firstUse })
    this.#newRoots = [state.root]
    return state
  }

  async #keep(state: TrustState): Promise<void> {
    await this.#options.persist?.(state, this.#newRoots)
    this.#newRoots = []
    this.#state = state
  }

  async #walkRoots(start: TrustState, source: MetadataSource): Promise<TrustState> {
    const rotationsMax = this.#options.limits?.rootRotationsMax ?? formatLimits.rootRotationsMax
    // A host that vouches for itself is believed all at once or not at all.
    const isKept = this.#state !== undefined || this.#options.firstUse === 'pinned'
    let reached = start
    const accept = (state: TrustState) => {
      reached = state
      this.#newRoots = [...this.#newRoots, state.root]
    }
    let state: TrustState
    try {
      state = await walkRoots(start, source, { rotationsMax, accept })
    } finally {
      if (isKept && reached !== this.#state) {
        // TUF 5.3.8: kept at once, whatever comes after.
        await this.#keep(reached)
      }
    }
    this.#requireMinimumRoot(state, source)
    return state
  }

  #requireMinimumRoot(state: TrustState, source: MetadataSource): void {
    const { minimumRootVersion } = this.#options
    if (minimumRootVersion === undefined) return
    const { version } = parseRoot(state.root).view
    if (version >= minimumRootVersion) return
    const code = source.mirror === true ? 'LW_TRUST_METADATA_MISSING' : 'LW_TRUST_ROLLBACK'
    throw trustError(code, {
      detail: `The newest root there is ${version}; the link knows of ${minimumRootVersion}.`,
      members: { found: version, known: minimumRootVersion },
    })
  }

  confirm(polled: Uint8Array | 'not-modified', dateMs?: number): TrustOutcome | undefined {
    const state = this.#state
    if (state?.timestamp === undefined || state.targets === undefined) return undefined
    if (polled !== 'not-modified' && !Buffer.from(polled).equals(state.timestamp)) return undefined
    const { root, timestamp, snapshot, targets } = openTrustState(state)
    if (timestamp === undefined || snapshot === undefined || targets === undefined) return undefined
    const clockMs = this.#options.clock.now()
    const time = refreshTime(clockMs, state.timeFloorMs)
    requireFreshRoot(root, time)
    requireFreshTimestamp(timestamp, time, { isNews: false, dateMs })
    requireFreshSnapshot(snapshot, time)
    requireFreshTargets(targets, time)
    return this.#outcome(state, state, { clockMs, isLagging: false })
  }

  #outcome(
    state: TrustState,
    before: TrustState | undefined,
    how: { readonly clockMs: number; readonly isLagging: boolean },
  ): TrustOutcome {
    const { root, timestamp, targets } = openTrustState(state)
    if (timestamp === undefined || targets === undefined) {
      // A mirror can lag behind a timestamp only where there is one, but not always behind targets.
      throw trustError('LW_TRUST_METADATA_MISSING', {
        detail: 'The mirror is behind, and nothing newer is known here.',
      })
    }
    const changed = state !== before
    return {
      status: how.isLagging ? 'lagging' : changed ? 'updated' : 'unchanged',
      changed,
      state,
      head: targets.view.head,
      timestampIssued: timestamp.view.issued,
      timestampExpires: timestamp.view.expires,
      warnings: warningsOf({ root, targets }, refreshTime(how.clockMs, state.timeFloorMs)),
      trustOnFirstUse: state.firstUse === 'trust-on-first-use',
    }
  }
}

/** The state after a complete refresh; the same object when nothing is new. */
function advance(state: TrustState, head: VerifiedHead): TrustState {
  const { timestamp, snapshot, targets } = head
  const isSame =
    state.timestamp === timestamp.bytes &&
    state.snapshot === snapshot.bytes &&
    state.targets === targets.bytes
  if (isSame) return state
  return {
    ...state,
    timestamp: timestamp.bytes,
    snapshot: snapshot.bytes,
    targets: targets.bytes,
    highestRelease: targets.view.head.release,
    timeFloorMs: Math.max(state.timeFloorMs, timestamp.view.issuedMs),
  }
}

/**
 * Tells a channel that was replaced from a forged file: when the source's first root is another
 * one, sound in itself, the name has been given to another channel. Either way it stays refused.
 */
async function explain(
  error: unknown,
  known: TrustState,
  source: MetadataSource,
  options: TrustClientOptions,
): Promise<unknown> {
  const isForeign =
    isLongwaveError(error, 'LW_TRUST_SIGNATURE') || isLongwaveError(error, 'LW_TRUST_WRONG_CHANNEL')
  if (!isForeign || source.mirror === true) return error
  try {
    const bytes = await fetchIfPresent(source, '1.root.json', formatLimits.rootBytesMax)
    if (bytes === undefined || channelIdOf(bytes) === known.channelId) return error
    verifyFirstRoot(parseRoot(bytes))
    const found = channelIdOf(bytes)
    return channelReplaced({ trusted: known.channelId, found, options, cause: error })
  } catch {
    return error
  }
}
