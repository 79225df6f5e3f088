import type { Digest } from '../protocol/index.ts'
import { trustError } from './errors.ts'
import { refreshTime, requireFreshRoot, requireFreshTargets } from './freshness.ts'
import { limits } from './limits.ts'
import {
  type RootFile,
  channelIdOf,
  parseRoot,
  verifyFirstRoot,
  verifyNextRoot,
} from './root-metadata.ts'
import { wrongChannel } from './root-walk.ts'
import { type ReleaseTarget, type TargetsFile, parseTargets } from './targets-metadata.ts'
import { verifySignatures } from './verify-signatures.ts'

/** What a transmitter has of a channel. */
export interface CommitBase {
  readonly channelId: Digest
  readonly root: Uint8Array
  readonly targets: Uint8Array | undefined
}

export interface CommitOptions {
  /** Undefined for a channel that is new here. */
  readonly current: CommitBase | undefined
  /** The roots that the commit adds, in order; a new channel brings all from version 1. */
  readonly roots: readonly Uint8Array[]
  /** Undefined when only roots are added, such as by the holder of a recovery key. */
  readonly targets: Uint8Array | undefined
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** The key that will sign snapshot and timestamp: the last root must name it. */
  readonly onlineKeyId?: Digest
}

export interface VerifiedCommit {
  readonly channelId: Digest
  /** The newest root, and its version. */
  readonly root: Uint8Array
  readonly rootVersion: number
  readonly targets: Uint8Array
  readonly targetsVersion: number
  readonly head: ReleaseTarget
  /** Whether the head is a release that was not there before. */
  readonly isNewRelease: boolean
}

/**
 * Checks that what a publisher wants to commit follows from what is there: a chain of roots, each
 * signed by the one before; targets one version up, signed by the publisher keys of the last root,
 * of this channel, and either the same release or the next one. A commit of roots alone must leave
 * the targets that are there valid; so a root that takes a publisher key away comes with new ones.
 * @throws LW_TRUST_SIGNATURE, LW_TRUST_ROLLBACK, LW_TRUST_WRONG_CHANNEL, LW_TRUST_COMMIT_ORDER,
 *   LW_TRUST_RELEASE_CHANGED, LW_TRUST_ONLINE_KEY, LW_TRUST_EXPIRED_ROOT, LW_TRUST_EXPIRED_TARGETS,
 *   LW_FORMAT_…
 */
export function verifyCommit(options: CommitOptions): VerifiedCommit {
  const { current, nowMs } = options
  if (options.roots.length > limits.commitRootsMax) {
    throw order(`More than ${limits.commitRootsMax} roots come in one commit.`)
  }
  const { channelId, root } = chain(current, options.roots)
  const time = refreshTime(nowMs, 0)
  requireFreshRoot(root, time)
  requireOnlineKey(root, options.onlineKeyId)
  const before = current?.targets && parseTargets(current.targets)
  const targets = options.targets === undefined ? before : parseTargets(options.targets)
  if (targets === undefined) throw order('A new channel needs its targets.')
  if (targets.view.channelId !== channelId) throw wrongChannel(channelId, targets.view.channelId)
  verifySignatures(targets, [root.view.roles.targets])
  requireFreshTargets(targets, time)
  if (targets !== before) requireOrder(before, targets)
  return {
    channelId,
    root: root.bytes,
    rootVersion: root.view.version,
    targets: targets.bytes,
    targetsVersion: targets.view.version,
    head: targets.view.head,
    isNewRelease: targets.view.head.release !== before?.view.head.release,
  }
}

function chain(
  current: CommitBase | undefined,
  roots: readonly Uint8Array[],
): { readonly channelId: Digest; readonly root: RootFile } {
  const parsed = roots.map((bytes) => parseRoot(bytes))
  let root = current === undefined ? parsed.shift() : parseRoot(current.root)
  if (root === undefined) throw order('A new channel needs its first root.')
  if (current === undefined) {
    if (root.view.version !== 1) throw order('The roots of a new channel start at version 1.')
    verifyFirstRoot(root)
  }
  const channelId = current?.channelId ?? channelIdOf(root.bytes)
  for (const next of parsed) {
    verifyNextRoot(root, next)
    root = next
  }
  return { channelId, root }
}

function requireOnlineKey(root: RootFile, keyId: Digest | undefined): void {
  if (keyId === undefined) return
  const { snapshot, timestamp } = root.view.roles
  // One signature of the online key is all that a transmitter can give.
  const isEnough = [snapshot, timestamp].every(
    ({ keys, threshold }) => threshold === 1 && keys.some((key) => key.keyId === keyId),
  )
  if (isEnough) return
  throw trustError('LW_TRUST_ONLINE_KEY', {
    detail: `The key that signs here is ${keyId}.`,
    members: { keyId },
    next: 'Add it with "longwave key rotate", which signs a new root.',
  })
}

function requireOrder(before: TargetsFile | undefined, after: TargetsFile): void {
  if (before === undefined) return
  const { version, head } = after.view
  const { version: known, head: old } = before.view
  if (version !== known + 1) throw order(`Targets ${version} came where ${known + 1} belongs.`)
  if (head.release < old.release) {
    throw trustError('LW_TRUST_ROLLBACK', {
      detail: `Release ${head.release} came after release ${old.release}.`,
      next: 'An older state is published again under the next number: "longwave revert".',
    })
  }
  if (head.release > old.release + 1) {
    throw order(`Release ${head.release} came where ${old.release + 1} belongs.`)
  }
  if (head.release === old.release && head.sha256 !== old.sha256) {
    throw trustError('LW_TRUST_RELEASE_CHANGED', { detail: `It is release ${head.release}.` })
  }
}

function order(detail: string): Error {
  return trustError('LW_TRUST_COMMIT_ORDER', { detail, next: 'Publish again.' })
}
