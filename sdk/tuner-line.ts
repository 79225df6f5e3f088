import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import path from 'node:path'
import { declaredErrors, LongwaveError } from '../protocol/index.ts'
import { openLocalSocket } from '../store/local-sockets/index.ts'
import { sdkError } from './errors.ts'
import { sdkLimits as limits } from './limits.ts'

export interface LineOptions {
  /** The socket's file. */
  readonly socket: string
  readonly token: string
}

/** What a request carries. */
export interface LineRequest {
  readonly body?: Uint8Array
  /** Media type of the body. */
  readonly type?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface LineAnswer {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
}

/** Requests to the tuner's local API. */
export class TunerLine {
  readonly #options: LineOptions

  constructor(options: LineOptions) {
    this.#options = options
  }

  /** @throws LW_SDK_NO_TUNER, and what the tuner refuses with */
  async ask(
    method: 'GET' | 'POST',
    target: string,
    options: LineRequest = {},
  ): Promise<LineAnswer> {
    const answer = await this.open(method, target, options)
    const chunks: Buffer[] = []
    let bytes = 0
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        bytes += chunk.byteLength
        if (bytes > limits.answerBytesMax) throw sdkError('LW_SDK_ANSWER')
        chunks.push(chunk)
      }
    } catch (cause) {
      throw cause instanceof LongwaveError ? cause : sdkError('LW_SDK_NO_TUNER', { cause })
    }
    const status = answer.statusCode ?? 0
    const body = Buffer.concat(chunks)
    if (status >= 400) throw errorOf(body)
    return { status, type: answer.headers['content-type'] ?? '', bytes: body }
  }

  /** Sends a request and returns its answer once that begins. @throws LW_SDK_NO_TUNER */
  async open(
    method: 'GET' | 'POST',
    target: string,
    options: LineRequest = {},
  ): Promise<IncomingMessage> {
    const { socket, token } = this.#options
    const local = await openLocalSocket(path.dirname(socket), path.basename(socket)).catch(
      (cause: unknown) => {
        throw sdkError('LW_SDK_NO_TUNER', { cause })
      },
    )
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        const sent: ClientRequest = request({
          socketPath: local.address,
          method,
          path: target,
          headers: {
            authorization: `Bearer ${token}`,
            ...(options.type === undefined ? {} : { 'content-type': options.type }),
            'content-length': options.body?.byteLength ?? 0,
          },
          agent: false,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        })
        sent.setTimeout(options.timeoutMs ?? limits.answerTimeoutMs, () => sent.destroy())
        sent.once('response', (answer) => {
          sent.setTimeout(0)
          resolve(answer)
        })
        sent.once('error', (cause) => reject(sdkError('LW_SDK_NO_TUNER', { cause })))
        sent.end(options.body)
      })
    } finally {
      await local.close()
    }
  }
}

/** The tuner's own words, with the meaning that our own table gives its code. */
function errorOf(body: Buffer): Error {
  try {
    const { code } = JSON.parse(body.toString('utf8')) as { readonly code: string }
    const spec = declaredErrors().get(code)
    if (spec !== undefined) return new LongwaveError(code, spec)
    return sdkError('LW_SDK_ANSWER', { detail: `It was ${String(code).slice(0, 64)}.` })
  } catch {
    return sdkError('LW_SDK_ANSWER')
  }
}
