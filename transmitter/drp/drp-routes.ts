import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ChannelParams, ChannelView } from '../../serving/channels/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { readableChannel } from '../reading/index.ts'
import { Differences } from './differences.ts'
import { FileVersions } from './file-versions.ts'
import { IndexDocuments } from './index-documents.ts'
import { indexResource } from './index-versions.ts'
import { Md5Memory } from './md5-memory.ts'
import { type RepresentationExchange, sendRepresentation } from './send-representation.ts'

interface IndexRequest extends ChannelParams {
  readonly Querystring: { readonly ids?: string }
}
interface FileRequest {
  readonly Params: { readonly name: string; readonly '*': string }
}

/**
 * `GET /NAME/index` and `GET /NAME/files/PATH`: the head for clients that do not know our own
 * protocol, whole or as differences (docs/formats/drp.md).
 */
export function addDrpRoutes(context: TransmitterContext): void {
  const { app } = context.server
  const md5s = new Md5Memory(context.objects)
  const differences = new Differences(context.clock)
  const documents = new IndexDocuments(context, md5s)
  const files = new FileVersions(context, md5s)
  app.addHook('onClose', () => differences.stop())
  app.get<IndexRequest>('/:name/index', async (request, reply) => {
    const view = await readableChannel(context, request)
    const { record, head } = view
    const ids = request.query.ids ?? 'sha256'
    if (ids !== 'sha256' && ids !== 'md5') {
      throw transmitterError('LW_TRANSMIT_INDEX_UNAVAILABLE', {
        detail: 'Its ids are sha256 or md5.',
      })
    }
    const resource = await indexResource(context, documents, { name: record.name, head, ids })
    await sendRepresentation(exchangeOf(view, request, reply), resource)
    return reply
  })
  app.get<FileRequest>('/:name/files/*', async (request, reply) => {
    const view = await readableChannel(context, request)
    const { record, head } = view
    const resource = await files.find(record.name, head, request.params['*'])
    await sendRepresentation(exchangeOf(view, request, reply), resource)
    return reply
  })
  function exchangeOf(
    { record }: ChannelView,
    request: FastifyRequest,
    reply: FastifyReply,
  ): RepresentationExchange {
    const counts = context.measures.of(record.name)
    return {
      server: context.server,
      request: request as FastifyRequest,
      reply,
      differences,
      channel: record.name,
      isPublic: record.access === 'open',
      count: (bytes) => {
        counts.fileBytes += bytes
      },
    }
  }
}
