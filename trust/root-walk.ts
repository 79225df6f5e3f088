import { type Digest, fingerprintsOf, limits as formatLimits } from '../protocol/index.ts'
import { trustError } from './errors.ts'
import {
  type MetadataSource,
  endlessData,
  fetchIfPresent,
  fetchRequired,
  parseFetched,
} from './metadata-source.ts'
import {
  type RootFile,
  channelIdOf,
  parseRoot,
  verifyFirstRoot,
  verifyNextRoot,
} from './root-metadata.ts'
import type { SignedFile } from './signed-file.ts'
import { type FirstUse, type TrustState, openTrustState } from './trust-state.ts'
import { type Authority, signersOf } from './verify-signatures.ts'

/**
 * TUF 5.2 for a channel that is not known yet: its first root, which the channel id is the digest
 * of, so that a pinned id needs no other trust.
 * @throws LW_TRUST_FIRST_USE, LW_TRUST_WRONG_CHANNEL, LW_TRUST_SIGNATURE and those of fetching
 */
export async function fetchFirstRoot(
  source: MetadataSource,
  options: { readonly channelId: Digest | undefined; readonly firstUse: FirstUse },
): Promise<TrustState> {
  if (options.channelId === undefined && options.firstUse === 'pinned') {
    throw trustError('LW_TRUST_FIRST_USE', {
      next: 'Subscribe with a link that ends in #CHANNEL-ID.',
    })
  }
  const bytes = await fetchRequired(source, '1.root.json', formatLimits.rootBytesMax)
  const channelId = channelIdOf(bytes)
  if (options.channelId !== undefined && options.channelId !== channelId) {
    throw wrongChannel(options.channelId, channelId)
  }
  const root = parseFetched(source, '1.root.json', () => parseRoot(bytes))
  if (root.view.version !== 1) {
    throw trustError('LW_TRUST_ROLLBACK', { detail: 'The first root is not version 1.' })
  }
  verifyFirstRoot(root)
  return {
    channelId,
    firstUse: options.firstUse,
    root: bytes,
    timestamp: undefined,
    snapshot: undefined,
    targets: undefined,
    highestRelease: 0,
    timeFloorMs: 0,
  }
}

/** The refusal of what another channel signed. */
export function wrongChannel(expected: Digest, found: Digest): Error {
  const [wanted, shown] = fingerprintsOf(expected, found)
  return trustError('LW_TRUST_WRONG_CHANNEL', {
    detail: `Expected ${wanted}, found ${shown}.`,
    members: { expected, found },
  })
}

/**
 * TUF 5.3: fetches the roots after the trusted one, each verified by the one before, and hands every
 * state that follows to `accept` at once (5.3.8), so that a later failure loses none of them.
 * @throws LW_TRUST_SIGNATURE, LW_TRUST_ROLLBACK, LW_TRUST_ENDLESS_DATA, LW_FORMAT_…
 */
export async function walkRoots(
  start: TrustState,
  source: MetadataSource,
  options: { readonly rotationsMax: number; accept(state: TrustState): void },
): Promise<TrustState> {
  let state = start
  let root = parseRoot(state.root)
  for (let count = 0; ; count++) {
    // 5.3.3: the next version, until there is none.
    const name = `${root.view.version + 1}.root.json`
    if (count >= options.rotationsMax) throw endlessData(name, 0)
    const bytes = await fetchIfPresent(source, name, formatLimits.rootBytesMax)
    if (bytes === undefined) return state
    const next = parseFetched(source, name, () => parseRoot(bytes))
    verifyNextRoot(root, next)
    // 5.3.7: the new root is the trusted one; its expiry counts only if it is the last (5.3.10).
    state = succeed(state, root, next)
    root = next
    options.accept(state)
  }
}

/**
 * TUF 5.3.11, recovery from fast-forward: what keys that are gone have signed counts no longer. A
 * leaked online key can so neither hold back snapshot and timestamp nor the time floor for good.
 * The highest release outlives it; that one falls only with the publisher key that signed it.
 */
export function succeed(state: TrustState, previous: RootFile, next: RootFile): TrustState {
  const open = openTrustState(state)
  const { roles: before } = previous.view
  const { roles: after } = next.view
  const isOnlineKept =
    outlives(open.timestamp, before.timestamp, after.timestamp) &&
    outlives(open.snapshot, before.snapshot, after.snapshot)
  const areTargetsKept = outlives(open.targets, before.targets, after.targets)
  return {
    ...state,
    root: next.bytes,
    ...(isOnlineKept ? {} : { timestamp: undefined, snapshot: undefined, timeFloorMs: 0 }),
    ...(areTargetsKept ? {} : { targets: undefined, highestRelease: 0 }),
  }
}

/** Whether the signatures that made a file valid came from keys that are still in office. */
function outlives(file: SignedFile | undefined, before: Authority, after: Authority): boolean {
  if (file === undefined) return true
  const old = new Set(before.keys.map((key) => key.keyId))
  const remaining = after.keys.filter((key) => old.has(key.keyId))
  return signersOf(file, remaining).length >= before.threshold
}
