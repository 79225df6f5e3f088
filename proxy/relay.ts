import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import type { RawExchange } from '../serving/index.ts'
import type { ProxyContext } from './context.ts'
import type { ProxyTarget } from './targets.ts'
import { answerFieldList, discard, type Lane, relayedRequestFields } from './upstream/index.ts'

/**
 * Hands one request through, with its own credentials, and keeps nothing of it. A body that breaks
 * off upstream breaks off here, too.
 */
export async function relay(
  context: ProxyContext,
  exchange: RawExchange,
  target: ProxyTarget,
  lane: Lane,
): Promise<void> {
  const { request, response } = exchange
  context.measures.relayed += 1
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const answer = await context.upstream.ask({
    origin: target.base.origin,
    path: target.path,
    method: request.method === 'HEAD' ? 'HEAD' : 'GET',
    lane,
    fields: relayedRequestFields(request),
    signal: abort.signal,
  })
  if (response.destroyed) {
    discard(answer.body)
    return
  }
  const length = answer.headers['content-length']
  const list = answerFieldList(answer.headers)
  if (length !== undefined && answer.status !== 204) list.push('content-length', length)
  response.writeHead(answer.status, list)
  if (request.method === 'HEAD' || answer.status === 304 || answer.status === 204) {
    answer.body.on('error', () => undefined)
    answer.body.resume()
    response.end()
    return
  }
  send(context, answer.body, response, lane)
}

function send(
  context: ProxyContext,
  body: NodeJS.ReadableStream,
  response: ServerResponse,
  lane: Lane,
): void {
  if (lane === 'content') {
    body.on('data', (chunk: Buffer) => {
      context.measures.contentBytesUpstream += chunk.byteLength
      context.measures.contentBytesRelayed += chunk.byteLength
    })
  }
  pipeline(body, response, () => undefined)
}
