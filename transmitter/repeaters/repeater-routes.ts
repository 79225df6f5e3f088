import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  checkDocument,
  repeaterBase,
  repeaterPollSeconds,
  RepeaterReport,
} from '../../protocol/index.ts'
import { servingError } from '../../serving/index.ts'
import type { TransmitterContext } from '../context.ts'
import { repeaterOriginLimits as limits } from './limits.ts'
import { requireRepeater, requireRepeaterAt } from './repeater-access.ts'
import type { RepeaterNewsDesk } from './repeater-news.ts'

interface PollRequest {
  readonly Querystring: { readonly url?: string; readonly since?: string }
}

/** The routes that repeaters dial, all behind a repeater's token. */
export function addRepeaterRoutes(context: TransmitterContext, news: RepeaterNewsDesk): void {
  const { app } = context.server
  app.get<PollRequest>('/-/repeaters/poll', (request, reply) => poll(context, news, request, reply))
  app.post('/-/repeaters/report', { bodyLimit: limits.reportBytesMax }, async (request, reply) => {
    await requireRepeater(context, request)
    const report = checkDocument(RepeaterReport, request.body)
    const url = urlOf(report.url)
    const grant = await requireRepeaterAt(context, request, url)
    const channels = report.channels.filter(({ name, channel }) => {
      const record = context.catalogue.find(name)?.record
      return grant.opens(name) && record?.channelId === channel
    })
    await context.repeaters.report(url, { ...report, channels })
    news.wake()
    return reply.code(204).header('cache-control', 'no-store').send()
  })
}

async function poll(
  context: TransmitterContext,
  news: RepeaterNewsDesk,
  request: FastifyRequest<PollRequest>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  await requireRepeater(context, request)
  const url = urlOf(request.query.url ?? '')
  const { opens } = await requireRepeaterAt(context, request, url)
  if (news.waiting >= limits.pollsHeldMax) {
    throw servingError('LW_SERVE_STOPPING', { retryAfterSeconds: repeaterPollSeconds })
  }
  await context.repeaters.noteSeen(url)
  const gone = new AbortController()
  const onClose = (): void => {
    if (!reply.raw.writableEnded) gone.abort()
  }
  reply.raw.once('close', onClose)
  const timeoutMs = repeaterPollSeconds * 1000
  const answer = await news.wait(opens, request.query.since, { timeoutMs, signal: gone.signal })
  if (gone.signal.aborted) await context.repeaters.noteGone(url)
  void reply.header('cache-control', 'no-store')
  return answer === undefined ? reply.code(204).send() : reply.send(answer)
}

/** @throws LW_SERVE_REQUEST */
function urlOf(text: string): string {
  const url = repeaterBase(text)
  if (url !== undefined) return url
  throw servingError('LW_SERVE_REQUEST', { detail: 'url is not the URL of a repeater.' })
}
