import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import {
  type ChannelAddress,
  type CommitRequest,
  CommitResult,
  type Digest,
  isLongwaveError,
  ObjectsReceived,
  PublishState,
  RouteOffer,
  UploadState,
  continuesParameter,
  mediaTypes,
  parseDocument,
} from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { publisherLimits } from '../limits.ts'
import type { MultipartBody } from './multipart-body.ts'

const compress = promisify(brotliCompress)

/** The publishing routes of one channel at a live transmitter (protocol/wire/publishing.ts). */
export interface PublishApi {
  readonly address: ChannelAddress
  /** Whether the transmitter is this machine, so that compressing would only cost time. */
  readonly local: boolean
  state(): Promise<PublishState>
  begin(manifest: Uint8Array, continues: string | undefined): Promise<UploadState>
  sendParts(
    upload: string,
    body: MultipartBody,
    onBytes: (sent: number) => void,
  ): Promise<ObjectsReceived>
  signature(object: Digest, block: number, bytesMax: number): Promise<Uint8Array>
  commit(upload: string, request: CommitRequest): Promise<CommitResult>
  /** Bytes of an object; the caller checks their digest. */
  object(object: Digest, bytesMax: number): Promise<Uint8Array>
  /** How tuners get from one release to another. */
  routes(
    from: number,
    to: number,
  ): Promise<{ readonly document: RouteOffer; readonly isMaking: boolean }>
  /** A file under `trust/`; undefined when there is none. */
  trustFile(file: string, bytesMax: number): Promise<Uint8Array | undefined>
}

export interface PublishApiOptions {
  readonly transport: Transport
  readonly address: ChannelAddress
  readonly token: string | undefined
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  readonly signal?: AbortSignal | undefined
}

/** Failures of the way, after which nobody knows whether the transmitter has acted. */
const lostAnswers: ReadonlySet<string> = new Set([
  'LW_TRANSFER_BROKEN',
  'LW_TRANSFER_BUSY',
  'LW_TRANSFER_CUT',
  'LW_TRANSFER_SERVER',
  'LW_TRANSFER_STALLED',
  'LW_TRANSFER_TIMEOUT',
])

const localHosts = new Set(['127.0.0.1', '[::1]', 'localhost'])

export function isLocal(address: ChannelAddress): boolean {
  return localHosts.has(new URL(address.url).hostname)
}

export function createPublishApi(options: PublishApiOptions): PublishApi {
  const { transport, address, signal } = options
  const common = {
    signal,
    authorization: options.token === undefined ? undefined : `Bearer ${options.token}`,
  }
  const local = isLocal(address)
  const releases = `${address.url}/releases`
  const uploadUrl = (upload: string) => `${releases}/${encodeURIComponent(upload)}`
  return {
    address,
    local,
    async state() {
      const { bytes } = await transport.fetchBytes(releases, {
        ...common,
        headers: { accept: mediaTypes.json },
        bytesMax: publisherLimits.stateBytesMax,
      })
      return parseDocument(PublishState, bytes)
    },
    async begin(manifest, continues) {
      const query =
        continues === undefined ? '' : `?${continuesParameter}=${encodeURIComponent(continues)}`
      const coded = !local && manifest.byteLength >= publisherLimits.compressManifestBytesMin
      const { bytes } = await transport.fetchBytes(`${releases}${query}`, {
        ...common,
        method: 'POST',
        idempotent: true,
        headers: {
          'content-type': mediaTypes.manifest,
          ...(coded ? { 'content-encoding': 'br' } : {}),
        },
        body: coded ? await compressed(manifest) : manifest,
        bytesMax: publisherLimits.uploadStateBytesMax,
        timeoutMs: publisherLimits.commitTimeoutMs,
        answerTimeoutMs: publisherLimits.commitTimeoutMs,
      })
      return parseDocument(UploadState, bytes)
    },
    async sendParts(upload, body, onBytes) {
      const source = guardedBody(body)
      try {
        const { bytes } = await transport.upload(`${uploadUrl(upload)}/objects`, {
          ...common,
          contentType: body.contentType,
          body: source.body,
          idempotent: true,
          bytesMax: publisherLimits.stateBytesMax,
          answerTimeoutMs: publisherLimits.commitTimeoutMs,
          onProgress: onBytes,
          ...(body.contentBytes === undefined ? {} : { contentBytes: body.contentBytes }),
        })
        return parseDocument(ObjectsReceived, bytes)
      } catch (error) {
        throw source.failure() ?? error
      }
    },
    async signature(object, block, bytesMax) {
      const url = `${address.url}/objects/${object}/signature?block=${block}`
      return (await transport.fetchBytes(url, { ...common, bytesMax })).bytes
    },
    async commit(upload, request) {
      const post = () =>
        transport.postJson(`${uploadUrl(upload)}/commit`, {
          ...common,
          json: request,
          bytesMax: publisherLimits.commitBytesMax,
          timeoutMs: publisherLimits.commitTimeoutMs,
          answerTimeoutMs: publisherLimits.commitTimeoutMs,
        })
      for (let attempt = 1; ; attempt++) {
        try {
          return parseDocument(CommitResult, (await post()).bytes)
        } catch (error) {
          // A lost answer is asked for again: the same commit gives its first result. A lost race
          // is not: the same commit would only lose it again.
          const isLost = isLongwaveError(error) && lostAnswers.has(error.code)
          if (!isLost || attempt >= publisherLimits.commitAttemptsMax) throw error
          await options.pause(1000 * 2 ** (attempt - 1), signal)
        }
      }
    },
    async object(object, bytesMax) {
      const url = `${address.url}/objects/${object}`
      return (await transport.fetchBytes(url, { ...common, bytesMax })).bytes
    },
    async routes(from, to) {
      const { bytes, status } = await transport.fetchBytes(`${address.url}/deltas/${from}..${to}`, {
        ...common,
        bytesMax: publisherLimits.stateBytesMax,
        timeoutMs: publisherLimits.routesTimeoutMs,
      })
      return { document: parseDocument(RouteOffer, bytes), isMaking: status === 202 }
    },
    async trustFile(file, bytesMax) {
      const answer = await transport.fetchBytes(`${address.url}/trust/${file}`, {
        ...common,
        bytesMax,
        acceptStatus: [404],
      })
      return answer.status === 404 ? undefined : answer.bytes
    },
  }
}

/** Quality 5: digests do not compress, the rest does at any quality. */
function compressed(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 5,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
    },
  })
}

/**
 * A body whose own failures end the call: to send again what cannot be read would be in vain,
 * however well a later publish may go.
 */
function guardedBody(body: MultipartBody) {
  let failed: unknown
  return {
    async *body(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* body.body()
      } catch (cause) {
        failed = cause
        throw new Error('the body could not be made', { cause })
      }
    },
    failure: () => failed,
  }
}
