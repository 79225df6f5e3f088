import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { limits as formatLimits } from '../protocol/index.ts'
import { servingError } from '../serving/index.ts'
import type { ProxyContext } from './context.ts'
import { proxyError } from './errors.ts'
import { proxyLimits as limits } from './limits.ts'
import { parseTarget, type ProxyTarget } from './targets.ts'
import { answerFieldList, updateRequestFields, type UpstreamDocument } from './upstream/index.ts'

/**
 * `POST /-/via/ORIGIN/NAME/update`: the signed body goes to the origin byte for byte, and its answer
 * comes back as it is. The proxy reads neither, acknowledges nothing and keeps nothing.
 */
export function addUpdateRoute(context: ProxyContext): void {
  context.server.app.register(async (scope: FastifyInstance) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: formatLimits.updateRequestBytesMax },
      (_request, body, done) => done(null, body),
    )
    scope.post(
      '/-/via/*',
      { bodyLimit: formatLimits.updateRequestBytesMax },
      async (request, reply) => forwardUpdate(context, request, reply),
    )
  })
}

async function forwardUpdate(
  context: ProxyContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const target = requireUpdate(context, request.raw.url ?? '')
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const { measures } = context
  if (
    measures.updatesWaiting >= limits.updatesWaitingMax ||
    measures.updateBytesWaiting + body.byteLength > limits.updateBodyBytesMax
  ) {
    throw proxyError('LW_PROXY_BUSY', { retryAfterSeconds: 1 + Math.random() * 4 })
  }
  measures.updates += 1
  measures.updatesWaiting += 1
  measures.updateBytesWaiting += body.byteLength
  let answer: UpstreamDocument
  try {
    answer = await context.upstream.askDocument(
      {
        origin: target.base.origin,
        path: target.path,
        method: 'POST',
        lane: 'requests',
        fields: updateRequestFields(request.raw),
        body,
      },
      limits.updateAnswerBytesMax,
    )
  } catch (error) {
    measures.updatesFailed += 1
    throw error
  } finally {
    measures.updatesWaiting -= 1
    measures.updateBytesWaiting -= body.byteLength
  }
  return answerUpdate(reply, answer)
}

function answerUpdate(reply: FastifyReply, answer: UpstreamDocument): FastifyReply {
  const list = answerFieldList(answer.headers)
  for (let at = 0; at + 1 < list.length; at += 2) reply.header(list[at] as string, list[at + 1])
  // What nobody may keep must not become keepable on the way.
  if (answer.headers['cache-control'] === undefined) reply.header('cache-control', 'no-store')
  return reply.code(answer.status).send(answer.bytes.byteLength === 0 ? undefined : answer.bytes)
}

function requireUpdate(context: ProxyContext, path: string): ProxyTarget {
  const outcome = parseTarget(path, context.origins)
  if (outcome.kind === 'elsewhere') throw proxyError('LW_PROXY_ORIGIN')
  if (outcome.kind === 'unknown') throw proxyError('LW_PROXY_TARGET')
  if (outcome.target.wanted.kind !== 'update') {
    throw servingError('LW_SERVE_METHOD', { members: { allow: ['GET', 'HEAD'] } })
  }
  return outcome.target
}
