import { fileFailure } from '../../store/durable-files/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { LocalChange } from '../folders/index.ts'
import type { Generation, GenerationStore } from '../generations/index.ts'
import type { IndexAnswer } from '../indexes/index.ts'
import { turnOf } from '../schedules/index.ts'
import type { Subscription, SubscriptionStatus } from '../subscriptions/index.ts'
import {
  askForHead,
  type Exchanged,
  extrasOf,
  finishExchange,
  type LaidOverlay,
  layOverlay,
  type OverlayOptions,
} from '../update-requests/index.ts'
import { type Applied, updateFolder, updateGenerations } from '../updates/index.ts'
import { followIndex, indexRoute } from './follow-index.ts'
import { healQuickly, isVouchedFor } from './heal.ts'
import { withReplaceCommand } from './other-channel.ts'
import { noteFailure, noteSuccess, statusAfter, type UpdateResult } from './outcome.ts'
import { generationStore, inTurn, releaseOf, updateContext } from './recover.ts'
import { closedFailure } from './ticket-access.ts'

export interface UpdateOptions extends OperationOptions {
  /** Only ask; download and change nothing. */
  readonly check?: boolean
  /** A scheduled run: holds, pauses and rollouts count, and only a new release is acted upon. */
  readonly scheduled?: boolean
  /**
   * With `scheduled`: when nothing is new, look at the files of the copy all the same and mend what
   * is missing or altered. A look of stat at every file is nothing for a person who waits, and too
   * much for each poll of a tuner that runs.
   */
  readonly mend?: boolean
  /** Called with a folder's local changes before they are mirrored away; throws to refuse. */
  readonly onLocalChanges?: (changes: readonly LocalChange[]) => Promise<void> | void
  readonly minimumRootVersion?: number
  /** A folder that nobody keeps yet and that is not empty is refused, with what would change. */
  readonly refuseForeign?: boolean
  /** Takes a folder over although the tuner's state of it is damaged. */
  readonly adopt?: boolean
}

/** Brings one subscription to its head, or says why not. A failure is noted before it is thrown. */
export function updateSubscription(
  context: TunerContext,
  subscription: Subscription,
  options: UpdateOptions = {},
): Promise<UpdateResult> {
  return inTurn(context, subscription, (latest) => updateInTurn(context, latest, options))
}

/** The same for a caller that has the subscription's turn already. */
export async function updateInTurn(
  context: TunerContext,
  subscription: Subscription,
  options: UpdateOptions,
): Promise<UpdateResult> {
  if (options.scheduled === true && subscription.paused === true) {
    return idle(subscription, await releaseOf(context, subscription))
  }
  try {
    return await new UpdateRun(context, subscription, options).run()
  } catch (cause) {
    options.signal?.throwIfAborted()
    const denied = await closedFailure(context, subscription, cause)
    const named = withReplaceCommand(subscription, denied)
    const error = fileFailure(named, `${subscription.name} was being updated`, {
      untouched: 'The channel is as it was, or is finished by the next command.',
    })
    await noteFailure(context, subscription, error)
    throw error
  }
}

function idle(subscription: Subscription, release: number): UpdateResult {
  return {
    subscription,
    outcome: 'paused',
    from: release,
    to: release,
    bytes: noBytes,
    durationMs: 0,
    trustOnFirstUse: subscription.firstUse === 'trust-on-first-use',
    warnings: [],
  }
}

const noBytes: UpdateResult['bytes'] = { metadata: 0, manifest: 0, bundle: 0, objects: 0 }

/** What was answered to the question for the newest release. */
interface AskedHead {
  readonly head: ReleaseTarget
  readonly etag: string | undefined
  readonly receivedBytes: number
  readonly trustOnFirstUse: boolean
  readonly warnings: readonly string[]
  /** Undefined for a bare index, which has nothing else to say. */
  readonly exchanged: Exchanged | undefined
}

type AppliedHead = Pick<UpdateResult, 'outcome' | 'from' | 'to'> & Partial<UpdateResult>

/** One update from the poll to the note of what came of it. */
class UpdateRun {
  readonly #context: TunerContext
  readonly #subscription: Subscription
  readonly #options: UpdateOptions
  readonly #startedMs: number
  readonly #warnings: string[] = []
  #brought: Pick<OverlayOptions, 'answer' | 'extras'> | undefined
  #index: IndexAnswer | undefined
  #laid: LaidOverlay | undefined
  #isDeferred = false

  constructor(context: TunerContext, subscription: Subscription, options: UpdateOptions) {
    this.#context = context
    this.#subscription = subscription
    this.#options = options
    this.#startedMs = context.clock.now()
  }

  async run(): Promise<UpdateResult> {
    const context = this.#context
    const subscription = this.#subscription
    const status = await context.history.status(subscription.id)
    const held = await releaseOf(context, subscription)
    const asked = await this.#ask(status, held)
    const { head, receivedBytes, etag } = asked
    const nowMs = context.clock.now()
    const sound = statusAfter(status, { nowMs, head, etag })
    const common = {
      subscription,
      from: held,
      to: head.release,
      ...(head.label === undefined ? {} : { label: head.label }),
      bytes: { ...noBytes, metadata: receivedBytes },
      trustOnFirstUse: asked.trustOnFirstUse,
      warnings: asked.warnings,
    }
    const idle = await this.#reasonToStay(head, held, { status, sound })
    if (idle !== undefined) {
      return this.#finish(asked.exchanged, { ...common, ...idle, durationMs: this.#elapsedMs() })
    }
    const applied = await this.#apply(head)
    await this.#noteApplied(sound, applied, head)
    const result = {
      ...common,
      ...applied,
      bytes: { ...common.bytes, ...applied.bytes, metadata: receivedBytes },
      durationMs: this.#elapsedMs(),
    }
    await noteSuccess(context, result)
    return this.#finish(asked.exchanged, result)
  }

  /** Asks what the newest release is: signed metadata, or a bare index that nobody signs. */
  async #ask(status: SubscriptionStatus, held: number): Promise<AskedHead> {
    const context = this.#context
    const subscription = this.#subscription
    if (subscription.firstUse === 'unsigned') {
      const answer = await followIndex(context, subscription, this.#options)
      this.#index = answer
      return { ...answer, trustOnFirstUse: false, warnings: [], exchanged: undefined }
    }
    const extras = await extrasOf(context, subscription, held)
    const exchanged = await askForHead(context, subscription, {
      ...this.#options,
      etag: status.etag,
      mustExist: held > 0,
      extras,
      isCheck: this.#options.check === true,
    })
    this.#brought = { answer: exchanged.answer, extras }
    const { trust, etag, receivedBytes } = exchanged.poll
    return {
      head: trust.head,
      etag,
      receivedBytes,
      trustOnFirstUse: trust.trustOnFirstUse,
      warnings: trust.warnings.map((warning) => warning.says),
      exchanged,
    }
  }

  /** Takes what else an answer brought, now that its release lies here. */
  async #finish(exchanged: Exchanged | undefined, result: UpdateResult): Promise<UpdateResult> {
    if (exchanged === undefined)
      return { ...result, warnings: [...result.warnings, ...this.#warnings] }
    const context = this.#context
    const subscription = this.#subscription
    const { signal, check, scheduled } = this.#options
    const warnings = await finishExchange(context, subscription, exchanged, {
      release: await releaseOf(context, subscription),
      isCheck: check === true,
      isThorough: scheduled !== true,
      laid: this.#laid,
      ...(signal === undefined ? {} : { signal }),
    })
    const all = [...result.warnings, ...this.#warnings, ...warnings]
    return { ...result, durationMs: this.#elapsedMs(), warnings: all }
  }

  /**
   * Shows a release that is complete, under its overlay when it has one: one switch. A running
   * channel keeps the release that it was started with and is told of the new one.
   */
  async #switchTo(store: GenerationStore, generation: Generation): Promise<void> {
    const { liveUsers } = this.#context
    const { id } = this.#subscription
    if (this.#brought !== undefined) {
      try {
        this.#laid = await layOverlay(this.#context, this.#subscription, {
          ...this.#options,
          ...this.#brought,
          generation,
        })
      } catch (error) {
        this.#options.signal?.throwIfAborted()
        this.#warnings.push(error instanceof Error ? error.message : String(error))
      }
    }
    const overlay = this.#laid?.isEmpty === false ? this.#laid.serial : undefined
    this.#isDeferred = liveUsers.isLive(id)
    if (!this.#isDeferred) await store.switchTo(generation.name, overlay)
  }

  #elapsedMs(): number {
    return this.#context.clock.now() - this.#startedMs
  }

  /** Notes the answer and says why nothing is to be done now; undefined when something is. */
  async #reasonToStay(
    head: ReleaseTarget,
    held: number,
    statuses: { readonly status: SubscriptionStatus; readonly sound: SubscriptionStatus },
  ): Promise<(Pick<UpdateResult, 'outcome'> & Partial<UpdateResult>) | undefined> {
    const { history, clock } = this.#context
    const { id, hold } = this.#subscription
    const { check, scheduled } = this.#options
    const { status, sound } = statuses
    if (head.ended === true && held > 0) {
      if (status.ended !== true) {
        const text = 'The publisher ended the channel; the last release stays here.'
        await history.add({ subscription: id, event: 'ended', text })
      }
      await history.setStatus(id, sound)
      return { outcome: 'ended', to: held }
    }
    if (scheduled === true && hold !== undefined && head.release <= hold.beyond) {
      await history.setStatus(id, sound)
      return { outcome: 'held', to: held }
    }
    const isQuiet = scheduled === true && !(await this.#isToMend(head))
    if (check === true || (isQuiet && held === head.release)) {
      await history.setStatus(id, sound)
      // What a broken attempt left behind is of no use now.
      if (held === head.release && check !== true) await this.#clearStaging()
      return { outcome: held === head.release ? 'unchanged' : 'available' }
    }
    const turnMs = this.#turnMs(head, held)
    if (scheduled === true && turnMs > clock.now()) {
      await history.setStatus(id, { ...sound, turnMs })
      return { outcome: 'waiting', to: held, turnAt: new Date(turnMs).toISOString() }
    }
    return undefined
  }

  /** Whether the head lies here, and not as it was made. */
  async #isToMend(head: ReleaseTarget): Promise<boolean> {
    if (this.#options.mend !== true || this.#subscription.into !== undefined) return false
    const current = await generationStore(this.#context, this.#subscription).usableCurrent()
    if (current === undefined) return true
    return current.record.manifest === head.sha256 && !(await isVouchedFor(current))
  }

  /** When a rollout lets this tuner in; a first fetch is not held up. */
  #turnMs(head: ReleaseTarget, held: number): number {
    if (head.rollout === undefined || held === 0) return 0
    return turnOf(head.rollout, {
      tuner: this.#context.tunerId,
      channel: this.#subscription.channel,
      release: head.release,
    })
  }

  async #clearStaging(): Promise<void> {
    if (this.#subscription.into !== undefined) return
    await generationStore(this.#context, this.#subscription).clearStaging()
  }

  async #apply(head: ReleaseTarget): Promise<AppliedHead> {
    const context = this.#context
    const subscription = this.#subscription
    const updates = {
      ...updateContext(context, subscription, this.#options),
      ...(await this.#indexContent()),
      ...(this.#brought?.answer?.offer === undefined ? {} : { told: this.#brought.answer.offer }),
    }
    if (subscription.into !== undefined) {
      const { onLocalChanges, adopt, refuseForeign } = this.#options
      const applied = await updateFolder(updates, {
        subscription,
        stateDirectory: context.subscriptions.directoryOf(subscription.id),
        head,
        ...(onLocalChanges === undefined ? {} : { onLocalChanges }),
        ...(adopt === undefined ? {} : { adopt }),
        ...(refuseForeign === undefined ? {} : { refuseForeign }),
      })
      if (applied.special.length > 0) this.#warnings.push(leftAlone(applied.special))
      const isNew = applied.fetched !== undefined || applied.from !== applied.to
      const outcome = isNew ? 'updated' : applied.localChanges.length > 0 ? 'healed' : 'unchanged'
      return { ...reportOf(applied, outcome), localChanges: applied.localChanges }
    }
    const store = generationStore(context, subscription)
    const current = await store.usableCurrent()
    if (current !== undefined && current.record.manifest === head.sha256) {
      const healed = await healQuickly(updates, store, current)
      // Of an update that ended between its switch and its end.
      await store.clearStaging()
      const { release } = current
      const outcome = healed.length > 0 ? 'healed' : 'unchanged'
      return { outcome, from: release, to: release, healed }
    }
    const inUse = context.liveUsers.releases(subscription.id)
    const applied = await updateGenerations(updates, {
      subscription,
      store,
      head,
      kept: context.kept,
      inUse: new Set([...inUse, head.release]),
      switchTo: (generation) => this.#switchTo(store, generation),
    })
    const { from } = applied
    const type = this.#isDeferred ? 'update' : 'installed'
    context.liveUsers.tell(subscription.id, { type, release: head.release, from })
    return reportOf(applied, this.#isDeferred ? 'deferred' : 'updated')
  }

  /** Where the files of a bare index are; its manifest is made here and need not be fetched. */
  async #indexContent() {
    if (this.#index === undefined) return {}
    const { content, manifestBytes } = this.#index
    return { ...indexRoute(this.#context, this.#subscription, content), manifestBytes }
  }

  async #noteApplied(
    sound: SubscriptionStatus,
    applied: AppliedHead,
    head: ReleaseTarget,
  ): Promise<void> {
    const { history, subscriptions, clock } = this.#context
    const { hold, ...free } = this.#subscription
    if (hold !== undefined) await subscriptions.save(free)
    const isChanged = applied.outcome === 'updated' || applied.outcome === 'healed'
    const { installed, ...rest } = sound
    await history.setStatus(this.#subscription.id, {
      ...rest,
      // Read anew from the manifest that lies here now.
      ...(isChanged || installed === undefined ? {} : { installed }),
      ...(isChanged ? { updatedAt: new Date(clock.now()).toISOString() } : {}),
      headRelease: head.release,
    })
  }
}

function leftAlone(special: readonly string[]): string {
  const [first] = special
  const more = special.length === 1 ? '' : ` and ${special.length - 1} more`
  return `${JSON.stringify(first)}${more}: a socket, pipe or device is left where it is, and is no part of the copy.`
}

function reportOf(applied: Applied, outcome: UpdateResult['outcome']): AppliedHead {
  const { fetched, from, to, changes } = applied
  if (fetched === undefined) return { outcome, from, to, changes }
  return {
    outcome,
    from,
    to,
    changes,
    route: fetched.route,
    considered: fetched.considered,
    brokenRoutes: fetched.broken.length,
    differences: fetched.differences,
    bytes: { metadata: 0, ...fetched.cost },
  }
}
