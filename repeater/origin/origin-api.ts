import {
  ChannelList,
  isChannelName,
  mediaTypes,
  parseDocument,
  RepeaterNews,
  type RepeaterReport,
} from '../../protocol/index.ts'
import { type MirrorContext, originHeaders } from '../context.ts'
import { repeaterError } from '../errors.ts'
import { repeaterLimits as limits } from '../limits.ts'

/** A channel that the origin lists to everybody. */
export interface ListedChannel {
  readonly name: string
  readonly channel: string
}

/**
 * Waits for news, as long as the origin holds the question; undefined when there is none.
 * @throws LW_REPEATER_REFUSED, transfer errors
 */
export async function pollOrigin(
  context: MirrorContext,
  question: { readonly publicUrl: string; readonly cursor: string | undefined },
): Promise<RepeaterNews | undefined> {
  const { transport, origin, signal } = context
  const query = new URLSearchParams({ url: question.publicUrl })
  if (question.cursor !== undefined) query.set('since', question.cursor)
  const answer = await transport.fetchBytes(`${origin.url}/-/repeaters/poll?${query}`, {
    headers: originHeaders(origin),
    bytesMax: limits.newsBytesMax,
    acceptStatus: [401, 403, 404],
    answerTimeoutMs: limits.pollTimeoutMs,
    timeoutMs: limits.pollTimeoutMs,
    signal,
  })
  context.received.metadata += answer.bytes.byteLength
  if (answer.status === 204) return undefined
  if (answer.status !== 200) {
    throw repeaterError('LW_REPEATER_REFUSED', {
      detail: `${origin.url} answered ${answer.status}.`,
      next: 'On the origin: longwave repeater token.',
    })
  }
  return parseDocument(RepeaterNews, answer.bytes)
}

/** Tells the origin what is served here. @throws transfer errors */
export async function reportToOrigin(
  context: MirrorContext,
  report: RepeaterReport,
): Promise<void> {
  const { transport, origin, signal } = context
  await transport.postJson(`${origin.url}/-/repeaters/report`, {
    json: report,
    headers: originHeaders(origin),
    idempotent: true,
    bytesMax: 64 * 1024,
    timeoutMs: limits.pollTimeoutMs,
    signal,
  })
}

/** The channels that the origin shows to everybody. @throws transfer errors, LW_FORMAT_… */
export async function listChannels(context: MirrorContext): Promise<readonly ListedChannel[]> {
  const { transport, origin, signal } = context
  const answer = await transport.fetchBytes(`${origin.url}/`, {
    headers: { ...originHeaders(origin), accept: mediaTypes.json },
    bytesMax: limits.newsBytesMax,
    timeoutMs: limits.pollTimeoutMs,
    signal,
  })
  context.received.metadata += answer.bytes.byteLength
  const { channels } = parseDocument(ChannelList, answer.bytes)
  return channels.filter(({ name }) => isChannelName(name))
}
