import { Readable } from 'node:stream'
import { type ChannelName, parseChannelName } from '../../protocol/index.ts'
import type { FeedbackRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { feedbackLimits as limits } from './limits.ts'

interface ExportRequest {
  readonly Params: { readonly name: string }
  readonly Querystring: { readonly after?: string; readonly limit?: string }
}

/**
 * `GET /-/admin/feedback/NAME?after=POSITION&limit=COUNT` behind a publish token of the channel: its
 * log as NDJSON, oldest first, from behind a position.
 */
export function addFeedbackRoutes(context: TransmitterContext): void {
  context.server.app.get<ExportRequest>('/-/admin/feedback/:name', async (request, reply) => {
    const name = parseChannelName(request.params.name)
    await context.access.requirePublisher(request.headers.authorization, name)
    if ((await context.records.channels.find(name)) === undefined) {
      throw transmitterError('LW_TRANSMIT_NO_CHANNEL')
    }
    const range = {
      after: countOf(request.query.after) ?? 0,
      limit: countOf(request.query.limit) ?? Number.POSITIVE_INFINITY,
    }
    return reply
      .type('application/x-ndjson')
      .header('cache-control', 'private, no-store')
      .send(Readable.from(linesOf(context, name, range)))
  })
}

async function* linesOf(
  context: TransmitterContext,
  name: ChannelName,
  range: { readonly after: number; readonly limit: number },
): AsyncGenerator<string> {
  let { after, limit } = range
  while (limit > 0) {
    const countMax = Math.min(limit, limits.exportGroup)
    const group = await context.records.feedback.list(name, { after, countMax })
    if (group.length === 0) return
    limit -= group.length
    yield group.map((record) => `${JSON.stringify(exportedOf(record))}\n`).join('')
    after = group.at(-1)?.position ?? after
  }
}

/** A whole number that was asked for; undefined when it is none. */
function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** An entry as it is exported; `text` is there when the data are said to be text and are UTF-8. */
function exportedOf(record: FeedbackRecord) {
  const text = textOf(record)
  return {
    position: record.position,
    tuner: record.tuner,
    epoch: record.epoch,
    sequence: record.sequence,
    at: new Date(record.appendedAtMs).toISOString(),
    received: new Date(record.receivedAtMs).toISOString(),
    type: record.type,
    ...(text === undefined ? { data: Buffer.from(record.data).toString('base64') } : { text }),
  }
}

function textOf(record: FeedbackRecord): string | undefined {
  if (!/^(text\/|application\/(.+\+)?json\b)/.test(record.type)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(record.data)
  } catch {
    return undefined
  }
}
