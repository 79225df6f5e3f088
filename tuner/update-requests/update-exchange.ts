import type { PollOutcome } from '../../mirroring/index.ts'
import { isLongwaveError, type UpdateAnswer } from '../../protocol/index.ts'
import type { TrustClient } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { absorbOutbox } from '../feedback/index.ts'
import { type AskOptions, openTrust, pollSubscription } from '../operations/poll.ts'
import {
  isTicketRefusal,
  isTicketWanted,
  obtainTicket,
  takesNoRequests,
} from '../operations/ticket-access.ts'
import { freshTicket, rememberAnswer } from '../operations/tickets.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { dataDirectory } from './data-directory.ts'
import { acceptMetadata } from './answer-metadata.ts'
import { requestLimits as limits } from './limits.ts'
import type { HeldExtras } from './request-memory.ts'
import { type SentRequest, sendRequest } from './send-request.ts'

/** What an origin answered besides its metadata, of one request or of several in a row. */
export interface ReceivedAnswer {
  readonly request: string
  readonly tuner: string
  readonly reply?: UpdateAnswer['reply']
  readonly overlay?: UpdateAnswer['overlay']
  readonly ticket?: string
  readonly offer?: UpdateAnswer['offer']
  readonly repeater?: UpdateAnswer['repeater']
  /** The request whose reply it is. */
  readonly replyRequest?: string
}

export interface ExchangeOptions extends AskOptions {
  readonly extras: HeldExtras
  /** Only the head is asked for; feedback waits, and no plug-in is called. */
  readonly isCheck: boolean
}

export interface Exchanged {
  readonly poll: PollOutcome
  /** Undefined when a plain poll was enough, or all that could be had. */
  readonly answer: ReceivedAnswer | undefined
  /** Why an update request came to nothing although it was wanted. */
  readonly failure: unknown
}

/**
 * Asks for the head of a channel: with update requests while feedback waits or a plug-in is to be
 * asked, by a poll otherwise, or when the origin takes no update requests.
 * @throws LW_TRUST_…, transfer errors
 */
export async function askForHead(
  context: TunerContext,
  subscription: Subscription,
  options: ExchangeOptions,
): Promise<Exchanged> {
  const client = await openTrust(context, subscription, options)
  const exchange = new Exchange(context, subscription, options, client)
  return exchange.run()
}

class Exchange {
  readonly #context: TunerContext
  readonly #subscription: Subscription
  readonly #options: ExchangeOptions
  readonly #client: TrustClient
  #answer: ReceivedAnswer | undefined
  #receivedBytes = 0
  #requests = 0

  constructor(
    context: TunerContext,
    subscription: Subscription,
    options: ExchangeOptions,
    client: TrustClient,
  ) {
    this.#context = context
    this.#subscription = subscription
    this.#options = options
    this.#client = client
  }

  async run(): Promise<Exchanged> {
    let failure: unknown
    const isClosed = await this.#needsTicket()
    if ((await this.#isRequestWanted()) || isClosed) {
      try {
        const poll = await this.#request()
        if (poll !== undefined) return { poll, answer: this.#answer, failure: undefined }
      } catch (error) {
        this.#options.signal?.throwIfAborted()
        if (isFinal(error, this.#subscription)) throw error
        const isOpened = freshTicket(this.#context, this.#subscription) !== undefined
        if (isClosed && !isOpened && !takesNoRequests(error)) throw error
        if (isClosed) rememberAnswer(this.#context, this.#subscription, undefined)
        else failure = error
      }
    }
    const poll = await pollSubscription(this.#context, this.#subscription, {
      ...this.#options,
      client: this.#client,
    })
    const receivedBytes = poll.receivedBytes + this.#receivedBytes
    const requests = poll.requests + this.#requests
    return { poll: { ...poll, receivedBytes, requests }, answer: this.#answer, failure }
  }

  /** A look at the head gets its ticket beside the poll, so that feedback waits all the same. */
  async #needsTicket(): Promise<boolean> {
    if (!(await isTicketWanted(this.#context, this.#subscription))) return false
    if (!this.#options.isCheck) return true
    await obtainTicket(this.#context, this.#subscription, this.#options)
    return false
  }

  async #isRequestWanted(): Promise<boolean> {
    if (this.#options.isCheck) return false
    await absorbOutbox(this.#context.fs, this.#context.feedback, {
      subscription: this.#subscription.id,
      dataDirectory: dataDirectory(this.#context, this.#subscription),
    })
    if (this.#options.extras.hasPlugin) return true
    return (await this.#context.feedback.counts(this.#subscription.id)).entries > 0
  }

  /** Requests until the queue is home; undefined when only a poll can bring the metadata. */
  async #request(): Promise<PollOutcome | undefined> {
    let poll: PollOutcome | undefined
    for (let count = 1; ; count++) {
      const pending = await this.#context.feedback.pending(this.#subscription.id)
      const sent = await this.#send(this.#options)
      const { answer } = sent
      if (answer?.acknowledged !== undefined) {
        await this.#context.feedback.acknowledge(this.#subscription.id, answer.acknowledged)
      }
      this.#remember(sent)
      const trust = await acceptMetadata(this.#client, answer, sent.dateMs)
      if (trust === undefined) return undefined
      const { etag } = this.#options
      poll = { trust, etag, receivedBytes: this.#receivedBytes, requests: this.#requests }
      if (pending?.hasMore !== true || count >= limits.requestsMax) return poll
    }
  }

  #remember(sent: SentRequest): void {
    const { request, tuner, answer } = sent
    rememberAnswer(this.#context, this.#subscription, answer?.ticket)
    this.#answer = {
      ...this.#answer,
      request,
      tuner,
      ...(answer?.reply === undefined ? {} : { reply: answer.reply, replyRequest: request }),
      ...(answer?.overlay === undefined ? {} : { overlay: answer.overlay }),
      ...(answer?.ticket === undefined ? {} : { ticket: answer.ticket }),
      ...(answer?.offer === undefined ? {} : { offer: answer.offer }),
      ...(answer?.repeater === undefined ? {} : { repeater: answer.repeater }),
    }
  }

  /** Sends what waits; begins anew where the origin says that this state is not the only one. */
  async #send(options: OperationOptions): Promise<SentRequest> {
    const { feedback } = this.#context
    const { id } = this.#subscription
    for (let renewals = 0; ; renewals++) {
      const pending = await feedback.pending(id)
      try {
        this.#requests += 1
        const sent = await sendRequest(
          this.#context,
          {
            subscription: this.#subscription,
            state: this.#client.state,
            pending,
            extras: this.#options.extras,
          },
          options,
        )
        this.#receivedBytes += sent.receivedBytes
        return sent
      } catch (error) {
        const isCloned = isLongwaveError(error, 'LW_FEEDBACK_CLONED')
        const isGap = isLongwaveError(error, 'LW_FEEDBACK_GAP')
        if ((!isCloned && !isGap) || pending === undefined || renewals >= limits.renewalsMax) {
          throw error
        }
        const sequence = Number(error.members['sequence'] ?? 0)
        await feedback.renew(id, {
          epoch: pending.epoch,
          // Numbers behind a gap were never in the log.
          sequence: isCloned && Number.isSafeInteger(sequence) ? sequence : 0,
          isNewTuner: isCloned,
        })
      }
    }
  }
}

/** What a poll would meet as well, or what must not be passed over. */
function isFinal(error: unknown, subscription: Subscription): boolean {
  if (!isLongwaveError(error) || isTicketRefusal(error)) return true
  // A repeater serves on while the origin is down.
  if (error.code === 'LW_TRANSFER_UNREACHABLE') return subscription.repeater === undefined
  return /^LW_(TRUST_(?!METADATA_MISSING|REQUEST)|TRANSFER_(ABORTED|TLS|PROXY))/.test(error.code)
}
