import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  type ChannelName,
  CommitRequest,
  checkDocument,
  continuesParameter,
  isLongwaveError,
  limits as formatLimits,
  type PublishState,
  parseChannelName,
} from '../../protocol/index.ts'
import { unpackBody } from '../../serving/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { beginUpload, requireUpload, resumeUpload } from './begin-upload.ts'
import { commitUpload } from './commit-upload.ts'
import { receiveParts } from './receive-parts.ts'
import { ReleaseHistory } from './release-history.ts'

interface ChannelParams {
  readonly Params: { readonly name: string }
}
interface BeginParams extends ChannelParams {
  readonly Querystring: Readonly<Record<string, string | string[] | undefined>>
}
interface UploadParams {
  readonly Params: { readonly name: string; readonly upload: string }
}

/** The routes of publishing, all behind a publish token. */
export function addPublishingRoutes(context: TransmitterContext): void {
  void context.server.app.register(async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      const { name } = request.params as { readonly name: string }
      const { authorization } = request.headers
      await context.access.requirePublisher(authorization, parseChannelName(name))
      void reply.header('cache-control', 'no-store')
    })
    addStateRoute(context, app)
    await app.register(async (scope) => addBeginRoute(context, scope))
    await addUploadRoutes(context, app)
  })
}

function addStateRoute(context: TransmitterContext, app: FastifyInstance): void {
  const history = new ReleaseHistory(context)
  app.get<ChannelParams>('/:name/releases', async (request) =>
    publishState(context, history, parseChannelName(request.params.name)),
  )
}

/** Manifests are taken as they are: their bytes are what is signed. */
function addBeginRoute(context: TransmitterContext, app: FastifyInstance): void {
  const bodyLimit = formatLimits.manifestBytesMax
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) =>
    done(null, body),
  )
  app.post<BeginParams>('/:name/releases', { bodyLimit }, async (request) => {
    const continues = request.query[continuesParameter]
    return beginUpload(context, {
      name: parseChannelName(request.params.name),
      manifestBytes: await manifestBody(request),
      ...(typeof continues === 'string' ? { continues } : {}),
    })
  })
}

async function addUploadRoutes(context: TransmitterContext, app: FastifyInstance): Promise<void> {
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
  app.get<UploadParams>('/:name/releases/:upload', async (request) =>
    resumeUpload(context, parseChannelName(request.params.name), request.params.upload),
  )
  app.delete<UploadParams>('/:name/releases/:upload', async (request, reply) => {
    const name = parseChannelName(request.params.name)
    const upload = await requireUpload(context, name, request.params.upload)
    await context.records.uploads.abandon(upload.id, context.clock.now())
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
    { bodyLimit: limits.commitBytesMax },
    async (request) => {
      const name = parseChannelName(request.params.name)
      const commit = checkDocument(CommitRequest, request.body)
      return commitUpload(context, name, request.params.upload, commit)
    },
  )
}

async function manifestBody(request: FastifyRequest): Promise<Uint8Array> {
  const body = request.body
  if (!Buffer.isBuffer(body)) throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST')
  const coding = request.headers['content-encoding'] ?? 'identity'
  if (coding === 'identity') return body
  if (coding !== 'br') {
    throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
      detail: 'Only br is taken as its coding.',
    })
  }
  try {
    return await unpackBody(body, formatLimits.manifestBytesMax)
  } catch (cause) {
    if (!isLongwaveError(cause, 'LW_SERVE_REQUEST')) throw cause
    throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
      detail: 'Its compression is broken.',
      cause,
    })
  }
}

/** What a publisher must know before it signs. */
async function publishState(
  context: TransmitterContext,
  history: ReleaseHistory,
  name: ChannelName,
): Promise<PublishState> {
  const [online, ticket, overlay] = await Promise.all([
    context.keys.key(name, 'online'),
    context.keys.key(name, 'ticket'),
    context.keys.key(name, 'overlay'),
  ])
  const record = await context.records.channels.find(name)
  const retained =
    record === undefined
      ? []
      : await context.records.releases.list(name, {
          onlyRetained: true,
          countMax: limits.releasesToldMax,
        })
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
    ...(record === undefined ? {} : { releases: await history.list(name) }),
  }
}
