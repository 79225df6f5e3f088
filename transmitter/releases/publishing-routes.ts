import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import {
  checkDocument,
  type ChannelName,
  CommitRequest,
  limits as formatLimits,
  parseChannelName,
  type PublishState,
} from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { beginUpload, resumeUpload } from './begin-upload.ts'
import { commitUpload } from './commit-upload.ts'
import { receiveParts } from './receive-parts.ts'

interface ChannelParams {
  readonly Params: { readonly name: string }
}
interface UploadParams {
  readonly Params: { readonly name: string; readonly upload: string }
}

/** The routes of publishing, all behind a publish token. */
export function addPublishingRoutes(context: TransmitterContext): void {
  void context.server.app.register(async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      const { name } = request.params as { readonly name: string }
      await context.access.requirePublisher(request, parseChannelName(name))
      void reply.header('cache-control', 'no-store')
    })
    await addRoutes(context, app)
  })
}

async function addRoutes(context: TransmitterContext, app: FastifyInstance): Promise<void> {
  await app.register(multipart, {
    limits: {
      fileSize: limits.uploadRequestBytesMax,
      files: limits.uploadPartsMax,
      fields: 0,
      parts: limits.uploadPartsMax,
      fieldNameSize: 256,
      headerPairs: 16,
    },
    throwFileSizeLimit: true,
  })
  app.get<ChannelParams>('/:name/releases', async (request) =>
    publishState(context, parseChannelName(request.params.name)),
  )
  // Manifests are taken as they are: their bytes are what is signed.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: formatLimits.manifestBytesMax },
      (_request, body, done) => done(null, body),
    )
    scope.post<ChannelParams>(
      '/:name/releases',
      { bodyLimit: formatLimits.manifestBytesMax },
      async (request) =>
        beginUpload(context, parseChannelName(request.params.name), await manifestBody(request)),
    )
  })
  app.get<UploadParams>('/:name/releases/:upload', async (request) =>
    resumeUpload(context, parseChannelName(request.params.name), request.params.upload),
  )
  app.delete<UploadParams>('/:name/releases/:upload', async (request, reply) => {
    parseChannelName(request.params.name)
    await context.records.uploads.abandon(request.params.upload, context.clock.now())
    return reply.code(204).send()
  })
  app.post<UploadParams>(
    '/:name/releases/:upload/objects',
    { bodyLimit: limits.uploadRequestBytesMax },
    async (request) =>
      receiveParts(context, parseChannelName(request.params.name), request.params.upload, request),
  )
  app.post<UploadParams>(
    '/:name/releases/:upload/commit',
    { bodyLimit: 8 * 1024 * 1024 },
    async (request) => {
      const name = parseChannelName(request.params.name)
      const commit = checkDocument(CommitRequest, request.body)
      return commitUpload(context, name, request.params.upload, commit)
    },
  )
}

const decompress = promisify(brotliDecompress)

async function manifestBody(request: FastifyRequest): Promise<Uint8Array> {
  const body = request.body
  if (!Buffer.isBuffer(body)) throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST')
  if (request.headers['content-encoding'] !== 'br') return body
  try {
    return await decompress(body, { maxOutputLength: formatLimits.manifestBytesMax })
  } catch (cause) {
    throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
      detail: 'Its compression is broken.',
      cause,
    })
  }
}

/** What a publisher must know before it signs. */
async function publishState(
  context: TransmitterContext,
  name: ChannelName,
): Promise<PublishState> {
  const record = await context.records.channels.find(name)
  const [online, ticket, overlay] = await Promise.all([
    context.keys.key(name, 'online'),
    context.keys.key(name, 'ticket'),
    context.keys.key(name, 'overlay'),
  ])
  const retained =
    record === undefined
      ? []
      : await context.records.releases.list(name, { onlyRetained: true })
  return {
    channel: record?.channelId ?? null,
    state: record === undefined ? 'free' : record.state,
    release: record?.headRelease ?? 0,
    targetsVersion: record?.versions.targets ?? 0,
    rootVersion: record?.versions.root ?? 0,
    onlineKey: online.hex,
    ticketKey: ticket.hex,
    overlayKey: overlay.hex,
    pluginAllowed: (await context.records.settings.get(`plugin:${name}`)) === 'allowed',
    retained: retained.map((release) => release.release).sort((a, b) => a - b),
  } as PublishState
}
