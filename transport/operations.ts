import { discard, strongEtag } from './answer.ts'
import { type CallContext, exchangeOk, readBytes, retrying, withSignal } from './call.ts'
import { drain, endless } from './drain.ts'
import { transferError } from './errors.ts'
import type { ExchangeRequest, RequestBody } from './exchange.ts'
import { requestHeaders } from './request-headers.ts'
import type {
  BytesAnswer,
  BytesRequest,
  ConditionalAnswer,
  ConditionalRequest,
  JsonRequest,
  SinkRequest,
  StreamRequest,
  UploadRequest,
} from './requests.ts'
import { downloadToSink, type SinkReport } from './sink-download.ts'
import { uploadBody } from './upload-body.ts'

/** See `Transport.fetchBytes`. */
export async function fetchBytes(
  context: CallContext,
  url: URL,
  options: BytesRequest,
): Promise<BytesAnswer> {
  const method = options.method ?? 'GET'
  const timeoutMs = options.timeoutMs ?? context.documentTimeoutMs
  return withSignal(context, { url, signal: options.signal, timeoutMs }, (signal) =>
    retrying({
      context,
      url,
      signal,
      idempotent: options.idempotent ?? (method === 'GET' || method === 'HEAD'),
      attempt: async () => {
        const request = {
          url,
          method,
          headers: requestHeaders(options),
          body: options.body,
          signal,
          answerTimeoutMs: options.answerTimeoutMs,
          mayRedirect: options.mayRedirect,
        }
        return receive(context, request, options)
      },
    }),
  )
}

async function receive(
  context: CallContext,
  request: ExchangeRequest,
  options: { readonly bytesMax: number; readonly acceptStatus?: readonly number[] },
): Promise<BytesAnswer> {
  const answer = await exchangeOk(context, request, options.acceptStatus)
  if (answer.status === 206 && options.acceptStatus?.includes(206) !== true) {
    discard(answer)
    throw transferError('LW_TRANSFER_RANGE', { detail: `${request.url.host}: none was asked for.` })
  }
  const { signal, method } = request
  const bytes = await readBytes(context, { answer, signal, bytesMax: options.bytesMax, method })
  return { status: answer.status, headers: answer.headers, bytes }
}

/** See `Transport.fetchConditional`. */
export async function fetchConditional(
  context: CallContext,
  url: URL,
  options: ConditionalRequest,
): Promise<ConditionalAnswer> {
  const { etag, ...request } = options
  const condition = etag === undefined ? {} : { 'if-none-match': etag }
  const answer = await fetchBytes(context, url, {
    ...request,
    headers: { ...options.headers, ...condition },
    acceptStatus: etag === undefined ? [] : [304],
  })
  if (answer.status === 304) return { status: 304 }
  if (answer.status !== 200) {
    throw transferError('LW_TRANSFER_ANSWER', {
      detail: `${url.host} answered ${answer.status} to a conditional request.`,
    })
  }
  return { ...answer, status: 200, etag: strongEtag(answer.headers['etag']) }
}

/** See `Transport.fetchToSink`. */
export async function fetchToSink(
  context: CallContext,
  url: URL,
  options: SinkRequest,
): Promise<SinkReport> {
  return withSignal(context, { url, signal: options.signal }, (signal) =>
    downloadToSink(context, {
      url,
      headers: requestHeaders(options),
      expectedBytes: options.expectedBytes,
      bytesMax: options.bytesMax,
      immutable: options.immutable ?? false,
      replaceable: options.replaceable ?? false,
      resume: options.resume,
      sink: options.sink,
      onProgress: options.onProgress,
      signal,
    }),
  )
}

/** See `Transport.postForStream`. */
export async function postForStream(
  context: CallContext,
  url: URL,
  options: StreamRequest,
): Promise<void> {
  const headers = requestHeaders({
    ...options,
    headers: { ...options.headers, 'content-type': options.contentType },
  })
  await withSignal(context, { url, signal: options.signal }, async (signal) => {
    const { answerTimeoutMs, body } = options
    const answer = await exchangeOk(context, {
      url,
      method: 'POST',
      headers,
      body,
      signal,
      answerTimeoutMs,
    })
    let bytes = 0
    await drain({
      answer,
      clock: context.clock,
      pace: context.pace,
      bandwidth: context.bandwidth,
      signal,
      take(chunk) {
        bytes += chunk.byteLength
        if (bytes > options.bytesMax) throw endless(answer.url, options.bytesMax)
        return options.take(chunk) ?? undefined
      },
    })
  })
}

/** See `Transport.upload`. */
export async function upload(
  context: CallContext,
  url: URL,
  options: UploadRequest,
): Promise<BytesAnswer> {
  const length =
    options.contentBytes === undefined ? {} : { 'content-length': String(options.contentBytes) }
  const headers = requestHeaders({
    ...options,
    headers: { ...options.headers, 'content-type': options.contentType, ...length },
  })
  return withSignal(context, { url, signal: options.signal }, (signal) =>
    retrying({
      context,
      url,
      signal,
      idempotent: options.idempotent ?? false,
      attempt: async () => {
        const source = uploadBody({
          source: options.body,
          bandwidth: context.bandwidth,
          signal,
          onProgress: options.onProgress,
        })
        const request = {
          url,
          method: options.method ?? 'POST',
          headers,
          body: source.body satisfies RequestBody,
          signal,
          answerTimeoutMs: options.answerTimeoutMs,
        }
        try {
          return await receive(context, request, options)
        } catch (error) {
          throw source.failure() ?? error
        }
      },
    }),
  )
}

/** See `Transport.postJson`. */
export async function postJson(
  context: CallContext,
  url: URL,
  options: JsonRequest,
): Promise<BytesAnswer> {
  const { json, contentType, ...request } = options
  const headers = { ...request.headers, 'content-type': contentType ?? 'application/json' }
  const body = Buffer.from(JSON.stringify(json))
  return fetchBytes(context, url, { ...request, method: 'POST', headers, body })
}
