import type { Route } from '../../mirroring/index.ts'
import { fetchObjects, StagingArea } from '../../mirroring/index.ts'
import { isLongwaveError } from '../../protocol/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { LocalChange } from '../folders/index.ts'
import {
  type Damage,
  type Generation,
  GenerationStore,
  healGeneration,
  objectsToHeal,
  verifyGeneration,
} from '../generations/index.ts'
import type { Subscription, SubscriptionStatus } from '../subscriptions/index.ts'
import {
  type Applied,
  type ChangeCount,
  heldRelease,
  recoverFolder,
  updateFolder,
  type UpdateContext,
  updateGenerations,
} from '../updates/index.ts'
import { contentSources, pollSubscription } from './poll.ts'

export interface UpdateOptions extends OperationOptions {
  /** Only ask; download and change nothing. */
  readonly check?: boolean
  /** A scheduled run: holds and pauses count, and only a new release is acted upon. */
  readonly scheduled?: boolean
  /** Called with a folder's local changes before they are mirrored away; throws to refuse. */
  readonly onLocalChanges?: (changes: readonly LocalChange[]) => Promise<void> | void
  readonly minimumRootVersion?: number
}

/** What became of one subscription. */
export interface UpdateResult {
  readonly subscription: Subscription
  readonly outcome:
    | 'updated'
    | 'unchanged'
    | 'healed'
    | 'available'
    | 'held'
    | 'paused'
    | 'ended'
  readonly from: number
  readonly to: number
  readonly label?: string
  readonly changes?: ChangeCount
  readonly route?: Route
  readonly considered?: readonly Route[]
  readonly brokenRoutes?: number
  readonly bytes: {
    readonly metadata: number
    readonly manifest: number
    readonly bundle: number
    readonly objects: number
  }
  readonly localChanges?: readonly LocalChange[]
  readonly healed?: readonly Damage[]
  readonly durationMs: number
  readonly trustOnFirstUse: boolean
  readonly warnings: readonly string[]
}

/** Brings one subscription to its head, or says why not. A failure is noted before it is thrown. */
export async function updateSubscription(
  context: TunerContext,
  subscription: Subscription,
  options: UpdateOptions = {},
): Promise<UpdateResult> {
  const startedMs = context.clock.now()
  const status = await context.history.status(subscription.id)
  if (options.scheduled === true && subscription.paused === true) {
    return idle(subscription, 'paused', await releaseOf(context, subscription))
  }
  try {
    const result = await runUpdate(context, subscription, status, options, startedMs)
    return result
  } catch (error) {
    options.signal?.throwIfAborted()
    await noteFailure(context, subscription, status, error)
    throw error
  }
}

function idle(
  subscription: Subscription,
  outcome: UpdateResult['outcome'],
  release: number,
): UpdateResult {
  return {
    subscription,
    outcome,
    from: release,
    to: release,
    bytes: { metadata: 0, manifest: 0, bundle: 0, objects: 0 },
    durationMs: 0,
    trustOnFirstUse: subscription.firstUse === 'trust-on-first-use',
    warnings: [],
  }
}

async function runUpdate(
  context: TunerContext,
  subscription: Subscription,
  status: SubscriptionStatus,
  options: UpdateOptions,
  startedMs: number,
): Promise<UpdateResult> {
  await recoverSubscription(context, subscription)
  const held = await releaseOf(context, subscription)
  const poll = await pollSubscription(context, subscription, {
    ...options,
    etag: status.etag,
    mustExist: held > 0,
  })
  const { head, warnings } = poll.trust
  const common = {
    subscription,
    from: held,
    to: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    bytes: { metadata: poll.receivedBytes, manifest: 0, bundle: 0, objects: 0 },
    trustOnFirstUse: poll.trust.trustOnFirstUse,
    warnings: warnings.map((warning) => JSON.stringify(warning)),
  }
  const note = (more: SubscriptionStatus = {}): Promise<void> => {
    const { failure: _failure, ...sound } = status
    const at = new Date(context.clock.now()).toISOString()
    return context.history.setStatus(subscription.id, {
      ...sound,
      checkedAt: at,
      succeededAt: at,
      headRelease: head.release,
      ended: head.ended === true,
      ...(poll.etag === undefined ? {} : { etag: poll.etag }),
      ...more,
    })
  }
  const done = (result: Partial<UpdateResult> & Pick<UpdateResult, 'outcome'>): UpdateResult => ({
    ...common,
    ...result,
    durationMs: context.clock.now() - startedMs,
  })
  if (head.ended === true && held > 0) {
    if (status.ended !== true) {
      await context.history.add({
        subscription: subscription.id,
        event: 'ended',
        text: 'The publisher ended the channel; the last release stays here.',
      })
    }
    await note()
    return done({ outcome: 'ended', to: held })
  }
  if (options.scheduled === true && isHeld(subscription, head.release)) {
    await note()
    return done({ outcome: 'held', to: held })
  }
  if (options.check === true) {
    await note()
    return done({ outcome: held === head.release ? 'unchanged' : 'available' })
  }
  if (options.scheduled === true && held === head.release) {
    await note()
    return done({ outcome: 'unchanged' })
  }
  const updates = updateContext(context, subscription, options)
  const applied = await applyHead(context, updates, subscription, head, options)
  await liftHold(context, subscription, options)
  await note(applied.outcome === 'unchanged' ? {} : { updatedAt: new Date(context.clock.now()).toISOString() })
  const result = done({ ...applied, bytes: { ...common.bytes, ...applied.bytes } })
  await noteSuccess(context, result)
  return result
}

function isHeld(subscription: Subscription, release: number): boolean {
  return subscription.hold !== undefined && release <= subscription.hold.beyond
}

async function liftHold(
  context: TunerContext,
  subscription: Subscription,
  _options: UpdateOptions,
): Promise<void> {
  if (subscription.hold === undefined) return
  const { hold: _hold, ...free } = subscription
  await context.subscriptions.save(free)
}

export function updateContext(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions,
): UpdateContext {
  return {
    fs: context.fs,
    transport: context.transport,
    clock: context.clock,
    sources: contentSources(subscription),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }
}

type AppliedHead = Pick<UpdateResult, 'outcome' | 'from' | 'to'> &
  Partial<UpdateResult> & { readonly bytes?: Partial<UpdateResult['bytes']> }

async function applyHead(
  context: TunerContext,
  updates: UpdateContext,
  subscription: Subscription,
  head: Parameters<typeof updateGenerations>[1]['head'],
  options: UpdateOptions,
): Promise<AppliedHead> {
  if (subscription.into !== undefined) {
    const applied = await updateFolder(updates, {
      subscription,
      stateDirectory: context.subscriptions.directoryOf(subscription.id),
      head,
      ...(options.onLocalChanges === undefined ? {} : { onLocalChanges: options.onLocalChanges }),
    })
    const touched = applied.fetched !== undefined || applied.from !== applied.to
    const outcome = touched ? 'updated' : applied.localChanges.length > 0 ? 'healed' : 'unchanged'
    return { ...reportOf(applied, outcome), localChanges: applied.localChanges }
  }
  const store = generationStore(context, subscription)
  const current = await store.current()
  if (current !== undefined && current.record.manifest === head.sha256) {
    const healed = await healQuickly(updates, store, current)
    return {
      outcome: healed.length > 0 ? 'healed' : 'unchanged',
      from: current.release,
      to: current.release,
      healed,
    }
  }
  const applied = await updateGenerations(updates, { subscription, store, head, kept: context.kept })
  return reportOf(applied, 'updated')
}

function reportOf(applied: Applied, outcome: UpdateResult['outcome']): AppliedHead {
  const { fetched } = applied
  return {
    outcome,
    from: applied.from,
    to: applied.to,
    changes: applied.changes,
    ...(fetched === undefined
      ? {}
      : {
          route: fetched.route,
          considered: fetched.considered,
          brokenRoutes: fetched.broken.length,
          bytes: fetched.cost as UpdateResult['bytes'],
        }),
  } as AppliedHead
}

export function generationStore(
  context: TunerContext,
  subscription: Subscription,
): GenerationStore {
  return new GenerationStore({
    fs: context.fs,
    directory: context.subscriptions.directoryOf(subscription.id),
  })
}

/** Heals what stat does not vouch for; the whole proof is `verify`. */
async function healQuickly(
  updates: UpdateContext,
  store: GenerationStore,
  current: Generation,
): Promise<readonly Damage[]> {
  for (let index = 0; index < current.files.length; index++) {
    if (!(await current.isVouchedFor(index))) return healDamages(updates, store, current)
  }
  return []
}

/** Verifies a generation and fetches only what is damaged (C83). */
export async function healDamages(
  updates: UpdateContext,
  store: GenerationStore,
  current: Generation,
): Promise<readonly Damage[]> {
  const damages = await verifyGeneration(updates.fs, current)
  if (damages.length === 0) return []
  const staging = new StagingArea({ directory: store.stagingDirectory, fileSystem: updates.fs })
  await staging.open()
  await fetchObjects({ ...updates, staging }, objectsToHeal(current, damages))
  await healGeneration({ fs: updates.fs, store, generation: current, damages, staging })
  await staging.remove()
  return damages
}

/** Finishes or clears what a crash left; every operation begins with it. */
export async function recoverSubscription(
  context: TunerContext,
  subscription: Subscription,
): Promise<void> {
  if (subscription.into === undefined) {
    await generationStore(context, subscription).recover()
    return
  }
  const stateDirectory = context.subscriptions.directoryOf(subscription.id)
  const updates = updateContext(context, subscription, {})
  if (await recoverFolder(updates, { subscription, stateDirectory })) {
    await context.history.add({
      subscription: subscription.id,
      event: 'recovered',
      text: 'An interrupted change was finished.',
    })
  }
}

/** The release that lies here; 0 for none. */
export async function releaseOf(
  context: TunerContext,
  subscription: Subscription,
): Promise<number> {
  if (subscription.into === undefined) {
    return (await generationStore(context, subscription).currentRelease()) ?? 0
  }
  const held = await heldRelease(context, context.subscriptions.directoryOf(subscription.id))
  return held?.held.release ?? 0
}

async function noteSuccess(context: TunerContext, result: UpdateResult): Promise<void> {
  if (result.outcome !== 'updated' && result.outcome !== 'healed') return
  const text =
    result.outcome === 'healed'
      ? `Mended release ${result.to}.`
      : `Release ${result.from} to ${result.to}.`
  await context.history.add({
    subscription: result.subscription.id,
    event: result.outcome,
    text,
    members: { from: result.from, to: result.to, bytes: result.bytes, durationMs: result.durationMs },
  })
}

async function noteFailure(
  context: TunerContext,
  subscription: Subscription,
  status: SubscriptionStatus,
  error: unknown,
): Promise<void> {
  const at = new Date(context.clock.now()).toISOString()
  const code = isLongwaveError(error) ? error.code : 'LW_INTERNAL'
  const message = error instanceof Error ? error.message : String(error)
  const count = (status.failure?.count ?? 0) + 1
  await context.history.setStatus(subscription.id, {
    ...status,
    checkedAt: at,
    failure: { at, code, message, count },
  })
  if (count === 1 || status.failure?.code !== code) {
    await context.history.add({
      subscription: subscription.id,
      event: 'failed',
      text: message,
      members: { code },
    })
  }
}
