import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { bundleFormat } from '../../delta/index.ts'
import {
  limits as formatLimits,
  parseDocument,
  tunerHeader,
  UpdateAnswer,
  type UpdateRequest,
} from '../../protocol/index.ts'
import { openTrustState, signRequest, type TrustState } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { PendingFeedback } from '../feedback/index.ts'
import { requestUrl } from '../operations/request-url.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { requestLimits } from './limits.ts'
import type { HeldExtras } from './request-memory.ts'
import { standardOffsetMinutes } from '../schedules/local-time.ts'

const compress = promisify(brotliCompress)

/** What a request tells besides who asks; `extras` say what lies here. */
export interface RequestFacts {
  readonly subscription: Subscription
  readonly state: TrustState | undefined
  readonly pending: PendingFeedback | undefined
  readonly extras: HeldExtras
  /** A read token that is tried out; the one that is kept when absent. */
  readonly token?: string | undefined
}

export interface SentRequest {
  readonly request: string
  readonly tuner: string
  /** Undefined when the origin had nothing to say (204). */
  readonly answer: UpdateAnswer | undefined
  readonly dateMs: number | undefined
  readonly receivedBytes: number
}

/**
 * Sends one signed update request and reads its answer. It may be sent again by the transport: the
 * origin answers a request id that it has seen with the first answer.
 * @throws LW_FEEDBACK_…, LW_UPDATE_…, transfer errors
 */
export async function sendRequest(
  context: TunerContext,
  facts: RequestFacts,
  options: OperationOptions,
): Promise<SentRequest> {
  const { subscription } = facts
  const identity = await context.feedback.identity(subscription.id)
  const request = Buffer.from(context.randomness.bytes(16)).toString('hex')
  const bytes = Buffer.from(
    JSON.stringify({ ...bodyOf(context, facts), request, tuner: identity.tunerId }),
  )
  const token = facts.token ?? (await context.subscriptions.tokens.find(subscription))
  const isCompressed = bytes.byteLength >= requestLimits.compressBytesMin
  const answer = await context.transport.fetchBytes(`${requestUrl(subscription)}/update`, {
    method: 'POST',
    idempotent: true,
    mayRedirect: false,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    headers: {
      'content-type': 'application/json',
      [tunerHeader]: signRequest(bytes, identity.keys),
      ...(isCompressed ? { 'content-encoding': 'br' } : {}),
    },
    body: isCompressed ? await compress(bytes, { params: quality }) : bytes,
    bytesMax: formatLimits.updateAnswerBytesMax,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const date = Date.parse(String(answer.headers['date'] ?? ''))
  return {
    request,
    tuner: identity.tunerId,
    answer: answer.status === 204 ? undefined : parseDocument(UpdateAnswer, answer.bytes),
    dateMs: Number.isNaN(date) ? undefined : date,
    receivedBytes: answer.bytes.byteLength,
  }
}

const quality = { [constants.BROTLI_PARAM_QUALITY]: 5 }

function bodyOf(
  context: TunerContext,
  facts: RequestFacts,
): Omit<UpdateRequest, 'request' | 'tuner'> {
  const { subscription, state, pending, extras } = facts
  const open = state === undefined ? undefined : openTrustState(state)
  return {
    format: 'longwave-update-1',
    channel: subscription.channel,
    manifest: extras.manifest,
    release: extras.release,
    rootVersion: open?.root.view.version ?? 0,
    metadata: {
      targets: open?.targets?.view.version ?? 0,
      snapshot: open?.snapshot?.view.version ?? 0,
      timestamp: open?.timestamp?.view.version ?? 0,
    },
    zoneMinutes: standardOffsetMinutes(context.clock.now(), context.zone),
    formats: [bundleFormat],
    ...(subscription.repeater === undefined
      ? {}
      : { repeater: { url: subscription.repeater, failed: false } }),
    ...(pending === undefined
      ? {}
      : { feedback: { epoch: pending.epoch, entries: [...pending.entries] } }),
    ...(extras.reply === undefined ? {} : { replyHeld: extras.reply }),
    ...(extras.overlay === undefined ? {} : { overlayHeld: extras.overlay.statement }),
  }
}
