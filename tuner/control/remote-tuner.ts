import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { acquireLock, isErrno, nodeFileSystem } from '../../store/durable-files/index.ts'
import type { OperationOptions } from '../context.ts'
import { tunerError } from '../errors.ts'
import type { NewFeedback } from '../feedback/index.ts'
import type { HistoryEntry } from '../history/index.ts'
import type {
  LaunchPlan,
  SubscribeOptions,
  SubscriptionView,
  UndoResult,
  UpdateOptions,
  UpdateResult,
  VerifyOptions,
  VerifyResult,
} from '../operations/index.ts'
import type { DamagedSubscription, Subscription } from '../subscriptions/index.ts'
import type { TunerOperations, UpdateOutcome, UpdateSeveralOptions } from '../tuner-operations.ts'
import { controlLimits as limits } from './limits.ts'
import { linesOf, sendLine } from './lines.ts'
import { type ControlAnswer, errorOf, errorText, type ErrorText } from './messages.ts'
import { openSocketPath } from './socket-path.ts'

/** The tuner that runs in another process and owns the home. */
export class RemoteTuner implements TunerOperations {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Finds the running tuner of a home; undefined when nobody answers at its socket. */
  static async find(home: string): Promise<RemoteTuner | undefined> {
    const directory = path.join(home, 'tuner')
    const socket = await dial(directory)
    socket?.destroy()
    return socket === undefined ? undefined : new RemoteTuner(directory)
  }

  subscribe(options: SubscribeOptions): Promise<UpdateResult> {
    const { signal: _signal, onProgress: _progress, onLocalChanges: _ask, ...rest } = options
    return this.#ask('subscribe', { options: rest }, options)
  }

  select(word?: string): Promise<readonly Subscription[]> {
    return this.#ask('select', word === undefined ? {} : { word })
  }

  async damaged(): Promise<readonly DamagedSubscription[]> {
    const told = await this.#ask<readonly { readonly id: string; readonly error: ErrorText }[]>(
      'damaged',
      {},
    )
    return told.map(({ id, error }) => ({ id, error: errorOf(error) }))
  }

  async removeDamaged(
    word: string,
    options: { readonly keepData: boolean },
  ): Promise<string | undefined> {
    return (await this.#ask<string | null>('removeDamaged', { word, ...options })) ?? undefined
  }

  async update(
    subscriptions: readonly Subscription[],
    options: UpdateSeveralOptions = {},
  ): Promise<readonly UpdateOutcome[]> {
    const { check, scheduled, mend, minimumRootVersion } = options
    const outcomes: UpdateOutcome[] = []
    await this.#ask(
      'update',
      { subscriptions, options: { check, scheduled, mend, minimumRootVersion } },
      options,
      (told) => {
        const outcome = outcomeOf(told as UpdateOutcome)
        outcomes.push(outcome)
        options.onOutcome?.(outcome)
      },
    )
    return outcomes
  }

  verify(subscription: Subscription, options: VerifyOptions = {}): Promise<VerifyResult> {
    return this.#ask('verify', { subscription, heal: options.heal === true }, options)
  }

  undo(subscription: Subscription, options: OperationOptions = {}): Promise<UndoResult> {
    return this.#ask('undo', { subscription }, options)
  }

  describe(subscription: Subscription): Promise<SubscriptionView> {
    return this.#ask('describe', { subscription })
  }

  why(subscription: Subscription): Promise<string> {
    return this.#ask('why', { subscription })
  }

  log(
    subscriptions: readonly Subscription[] | undefined,
    countMax: number,
  ): Promise<readonly HistoryEntry[]> {
    return this.#ask('log', { subscriptions, countMax })
  }

  async setPaused(subscription: Subscription, paused: boolean): Promise<void> {
    await this.#ask('setPaused', { subscription, paused })
  }

  async setSchedule(subscription: Subscription, schedule: string | undefined): Promise<void> {
    await this.#ask('setSchedule', { subscription, schedule })
  }

  async unsubscribe(
    subscription: Subscription,
    options: { readonly keepData: boolean },
  ): Promise<void> {
    await this.#ask('unsubscribe', { subscription, ...options })
  }

  prepareLaunch(subscription: Subscription, options: OperationOptions = {}): Promise<LaunchPlan> {
    return this.#ask('prepareLaunch', { subscription }, options)
  }

  appendFeedback(
    subscription: Subscription,
    { data, type }: NewFeedback,
  ): Promise<{ readonly entries: number; readonly bytes: number }> {
    const text = Buffer.from(data).toString('base64')
    return this.#ask('appendFeedback', { subscription, data: text, type })
  }

  async setGrant(subscription: Subscription, granted: boolean): Promise<void> {
    await this.#ask('setGrant', { subscription, granted })
  }

  /** Refused in the words of the lock: one tuner runs in a home. @throws LW_STORE_LOCKED */
  async run(): Promise<void> {
    const lock = await acquireLock(nodeFileSystem, this.#directory)
    await lock.release()
    throw tunerError('LW_TUNER_CONTROL', {
      detail: 'The other tuner has just ended.',
      next: 'Run the same command again.',
    })
  }

  async stop(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ask<Result>(
    operation: string,
    given: Readonly<Record<string, unknown>>,
    how: AskOptions = {},
    onOutcome?: (outcome: unknown) => void,
  ): Promise<Result> {
    how.signal?.throwIfAborted()
    const socket = await dial(this.#directory)
    if (socket === undefined) throw tunerError('LW_TUNER_CONTROL', { next: 'Run it again.' })
    // Its end tells the tuner to give up what was asked for.
    const onAbort = (): void => {
      socket.destroy()
    }
    how.signal?.addEventListener('abort', onAbort)
    try {
      sendLine(socket, { operation, arguments: given })
      for await (const line of linesOf(socket, limits.answerBytesMax)) {
        const answer = line as ControlAnswer
        if ('result' in answer) return answer.result as Result
        if ('error' in answer) throw errorOf(answer.error)
        if ('progress' in answer) how.onProgress?.(answer.progress)
        else if ('outcome' in answer) onOutcome?.(answer.outcome)
        else sendLine(socket, await replyTo(answer, how.onLocalChanges))
      }
    } catch (error) {
      how.signal?.throwIfAborted()
      throw error
    } finally {
      how.signal?.removeEventListener('abort', onAbort)
      socket.destroy()
    }
    how.signal?.throwIfAborted()
    throw tunerError('LW_TUNER_CONTROL', {
      detail: 'It ended before it had answered.',
      next: 'longwave log tells what was done.',
    })
  }
}

interface AskOptions extends OperationOptions {
  readonly onLocalChanges?: UpdateOptions['onLocalChanges'] | undefined
}

async function replyTo(
  answer: Extract<ControlAnswer, { question: number }>,
  onLocalChanges: UpdateOptions['onLocalChanges'],
): Promise<{ readonly reply: number; readonly refusal?: ErrorText }> {
  try {
    await onLocalChanges?.(answer.localChanges)
    return { reply: answer.question }
  } catch (error) {
    return { reply: answer.question, refusal: errorText(error) }
  }
}

function outcomeOf(told: UpdateOutcome): UpdateOutcome {
  return told.ok ? told : { ...told, error: errorOf(told.error as ErrorText) }
}

/** Connects to the socket of a home; undefined when nobody listens there. */
async function dial(directory: string): Promise<Socket | undefined> {
  let socketPath: Awaited<ReturnType<typeof openSocketPath>>
  try {
    socketPath = await openSocketPath(directory)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
  try {
    return await new Promise<Socket | undefined>((resolve) => {
      const socket = connect(socketPath.address)
      const giveUp = (): void => {
        socket.destroy()
        resolve(undefined)
      }
      socket.setTimeout(limits.connectTimeoutMs, giveUp)
      socket.once('error', giveUp)
      socket.once('connect', () => {
        socket.setTimeout(0)
        socket.off('error', giveUp)
        socket.on('error', () => undefined)
        resolve(socket)
      })
    })
  } finally {
    await socketPath.close()
  }
}
