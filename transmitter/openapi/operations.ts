import {
  ChannelList,
  ChannelListing,
  CommitRequest,
  CommitResult,
  mediaTypes,
  ObjectsReceived,
  PublishState,
  RepeaterNews,
  RepeaterReport,
  RouteOffer,
  type Schema,
  SubscriptionDocument,
  signatureMediaType,
  UpdateAnswer,
  UpdateRequest,
  UploadState,
} from '../../protocol/index.ts'

/** Named schemas of the document. */
export const schemas = {
  ChannelList,
  ChannelListing,
  SubscriptionDocument,
  RouteOffer,
  PublishState,
  UploadState,
  ObjectsReceived,
  CommitRequest,
  CommitResult,
  UpdateRequest,
  UpdateAnswer,
  RepeaterNews,
  RepeaterReport,
} as const satisfies Readonly<Record<string, Schema>>

export interface Answer {
  readonly says: string
  readonly schema?: keyof typeof schemas
  readonly type?: string
}

export interface Operation {
  readonly method: 'get' | 'post' | 'delete'
  readonly path: string
  readonly says: string
  readonly answers: Readonly<Record<number, Answer>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Pick<Answer, 'schema' | 'type'>
  /** Whether it needs a publish token, or a repeater's. */
  readonly publishing?: true
  readonly repeating?: true
}

export const json = mediaTypes.json
const missing: Answer = { says: 'There is no such thing, or the channel does not refer to it.' }
const unchanged: Answer = { says: 'It is what the client holds already.' }

const reading: readonly Operation[] = [
  {
    method: 'get',
    path: '/',
    says: 'The channels: a page where Accept names text/html, JSON otherwise.',
    answers: { 200: { says: 'The open channels.', schema: 'ChannelList' } },
  },
  {
    method: 'get',
    path: '/{name}',
    says: 'One channel: a page or JSON.',
    answers: { 200: { says: 'The channel.', schema: 'ChannelListing' }, 404: missing },
  },
  {
    method: 'get',
    path: '/{name}/subscription',
    says: 'What a tuner is registered for.',
    answers: {
      200: { says: 'Advice only.', schema: 'SubscriptionDocument', type: mediaTypes.subscription },
      404: missing,
    },
  },
  {
    method: 'get',
    path: '/{name}/trust/{file}',
    says: 'TUF metadata; timestamp.json with its ETag is the poll.',
    answers: { 200: { says: 'The exact bytes.', type: json }, 304: unchanged, 404: missing },
  },
  {
    method: 'get',
    path: '/{name}/objects/{sha256}',
    says: 'An object that the channel refers to, whole or by Range; with .br its precompressed form.',
    answers: {
      200: { says: 'The object.', type: mediaTypes.octets },
      206: { says: 'The part that was asked for.', type: mediaTypes.octets },
      304: unchanged,
      404: missing,
    },
  },
  {
    method: 'post',
    path: '/{name}/objects',
    says: 'A pack: the objects whose SHA-256 the body lists, 32 bytes each, as one Brotli stream.',
    body: { type: mediaTypes.octets },
    answers: {
      200: { says: 'The bytes of the objects in the order asked.', type: mediaTypes.pack },
      400: { says: 'The body is no list of digests.' },
      404: missing,
      413: { says: 'The list, or what it names, is too large for one answer.' },
      503: { says: 'Too many packs are being made: ask again after Retry-After.' },
    },
  },
  {
    method: 'get',
    path: '/{name}/deltas/{range}',
    says: 'FROM..TO: the bundle between two releases, and what other routes cost.',
    answers: {
      200: { says: 'The offer; without sha256 there is no bundle.', schema: 'RouteOffer' },
      202: { says: 'The bundle is being made: ask again after Retry-After.', schema: 'RouteOffer' },
      404: missing,
    },
  },
  {
    method: 'get',
    path: '/{name}/deltas/{range}/{sha256}',
    says: 'A bundle.',
    answers: { 200: { says: 'The bundle.', type: mediaTypes.bundle }, 404: missing },
  },
  {
    method: 'get',
    path: '/{name}/index',
    says: 'The DRP index of the newest release.',
    query: { ids: 'sha256 (default) or md5' },
    answers: { 200: { says: 'The index.', type: 'application/xml' }, 304: unchanged, 404: missing },
  },
  {
    method: 'get',
    path: '/{name}/files/{path}',
    says: 'A file of the newest release, whole or as difference (DRP, RFC 3229, RFC 9842).',
    answers: {
      200: { says: 'The file, or a GDIFF by Differential-ID.', type: mediaTypes.octets },
      226: { says: 'A GDIFF by A-IM.', type: mediaTypes.octets },
      304: unchanged,
      404: missing,
    },
  },
]

const denied: Answer = { says: 'The token is missing or unknown.' }
const noUpload: Answer = { says: 'The upload has ended or run out.' }

const publishing: readonly Operation[] = [
  {
    method: 'get',
    path: '/{name}/releases',
    says: 'What a publisher must know before it signs.',
    answers: { 200: { says: 'The state.', schema: 'PublishState' }, 401: denied },
    publishing: true,
  },
  {
    method: 'post',
    path: '/{name}/releases',
    says: 'Begins an upload: the body is the manifest.',
    query: { continues: 'an earlier upload whose objects count as delivered' },
    body: { type: mediaTypes.manifest },
    answers: {
      200: { says: 'What is missing.', schema: 'UploadState' },
      401: denied,
      409: { says: 'The name belongs to another channel.' },
      410: { says: 'The channel has ended.' },
    },
    publishing: true,
  },
  {
    method: 'get',
    path: '/{name}/releases/{upload}',
    says: 'What an upload still lacks.',
    answers: { 200: { says: 'Its state.', schema: 'UploadState' }, 401: denied, 404: noUpload },
    publishing: true,
  },
  {
    method: 'delete',
    path: '/{name}/releases/{upload}',
    says: 'Gives an upload up.',
    answers: { 204: { says: 'It has ended.' }, 401: denied, 404: noUpload },
    publishing: true,
  },
  {
    method: 'post',
    path: '/{name}/releases/{upload}/objects',
    says: 'Objects, pieces of them, or differences that make them.',
    body: { type: 'multipart/form-data' },
    answers: {
      200: { says: 'What arrived.', schema: 'ObjectsReceived' },
      400: { says: 'A part is none that is missing.' },
      401: denied,
      404: noUpload,
      422: { says: 'Bytes are not those that were announced.' },
    },
    publishing: true,
  },
  {
    method: 'post',
    path: '/{name}/releases/{upload}/commit',
    says: 'Makes the upload the newest release; repeating it gives the first result.',
    body: { schema: 'CommitRequest' },
    answers: {
      200: { says: 'It is the newest.', schema: 'CommitResult' },
      401: denied,
      409: { says: 'Another release was published meanwhile, or objects are missing.' },
      422: { says: 'Signatures and manifest do not belong together.' },
    },
    publishing: true,
  },
  {
    method: 'get',
    path: '/{name}/objects/{sha256}/signature',
    says: 'Block checksums of an object, for a difference against it.',
    query: { block: 'bytes of a block' },
    answers: {
      200: { says: 'The checksums.', type: signatureMediaType },
      401: denied,
      404: missing,
    },
    publishing: true,
  },
]

const updating: readonly Operation[] = [
  {
    method: 'post',
    path: '/{name}/update',
    says: 'An update request, signed by its tuner, with the feedback that it brings.',
    body: { schema: 'UpdateRequest' },
    answers: {
      200: { says: 'What the tuner lacks, replies and acknowledgement.', schema: 'UpdateAnswer' },
      204: { says: 'There is nothing to say.' },
      401: { says: 'The signature is not the tuner’s, or the channel is closed.' },
      404: missing,
      409: { says: 'The feedback does not continue what is in the log, or the id was used.' },
    },
  },
  {
    method: 'get',
    path: '/{name}/overlays/{tuner}/{sha256}',
    says: 'A file that the plug-in made for one tuner, for the holder of its ticket.',
    answers: {
      200: { says: 'The file.', type: mediaTypes.octets },
      403: { says: 'The ticket is not this tuner’s.' },
      404: missing,
    },
  },
]

const repeating: readonly Operation[] = [
  {
    method: 'get',
    path: '/-/repeaters/poll',
    says: 'Held until there is news for repeaters, 25 seconds at most.',
    query: { url: 'the repeater’s own URL', since: 'the cursor of the last news' },
    answers: {
      200: { says: 'Heads, and releases that are being prepared.', schema: 'RepeaterNews' },
      204: { says: 'Nothing is new.' },
      401: denied,
      403: { says: 'The token is another repeater’s.' },
    },
    repeating: true,
  },
  {
    method: 'post',
    path: '/-/repeaters/report',
    says: 'What a repeater serves, and which prepared releases lie ready there.',
    body: { schema: 'RepeaterReport' },
    answers: {
      204: { says: 'It is noted.' },
      401: denied,
      403: { says: 'The token is another repeater’s.' },
    },
    repeating: true,
  },
  {
    method: 'get',
    path: '/-/repeaters/prepared/{id}/objects/{sha256}',
    says: 'An object of a release that is not the head yet.',
    answers: { 200: { says: 'The object.', type: mediaTypes.octets }, 401: denied, 404: missing },
    repeating: true,
  },
  {
    method: 'get',
    path: '/-/repeaters/prepared/{id}/deltas/{range}',
    says: 'The bundle from the present head to a release that is being prepared.',
    answers: { 200: { says: 'The offer.', schema: 'RouteOffer' }, 401: denied, 404: missing },
    repeating: true,
  },
]

const service: readonly Operation[] = [
  {
    method: 'get',
    path: '/-/status',
    says: 'Who is connected; how channels, repeaters, feedback and plug-ins stand.',
    answers: { 200: { says: 'The more, the more the asker may publish.', type: json } },
  },
  {
    method: 'get',
    path: '/-/admin/feedback/{name}',
    says: 'The feedback log of a channel as NDJSON, oldest first.',
    query: { after: 'the position to begin behind', limit: 'entries at most' },
    answers: {
      200: { says: 'The entries.', type: 'application/x-ndjson' },
      401: denied,
      404: missing,
    },
    publishing: true,
  },
  {
    method: 'get',
    path: '/-/admin/plugins/{name}',
    says: 'How a channel’s plug-in does, and what is owed to it.',
    answers: { 200: { says: 'Its health.', type: json }, 401: denied, 404: missing },
    publishing: true,
  },
  {
    method: 'get',
    path: '/-/health',
    says: 'Whether the service is well.',
    answers: { 200: { says: 'It is.', type: json }, 503: { says: 'It is not, or is stopping.' } },
  },
  {
    method: 'get',
    path: '/-/metrics',
    says: 'Counters in the text format of Prometheus.',
    answers: { 200: { says: 'The counters.', type: 'text/plain' } },
  },
  {
    method: 'get',
    path: '/-/openapi.json',
    says: 'This document.',
    answers: { 200: { says: 'The document.', type: json } },
  },
]

/** Every operation of a transmitter. */
export const operations: readonly Operation[] = [
  ...reading,
  ...publishing,
  ...updating,
  ...repeating,
  ...service,
]
