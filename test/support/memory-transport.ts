import type { Transport } from '../../transport/index.ts'
import { transferError } from '../../transport/index.ts'

export interface PageRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

export interface PageAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

/** A network: bytes by URL, and what is answered otherwise. */
export interface MemoryPages {
  get(url: string): Uint8Array | undefined
  answer?(request: PageRequest): PageAnswer | undefined
}

/** A transport whose network is a map from URL to bytes. */
export function memoryTransport(pages: MemoryPages): Transport {
  const refuse = (): never => {
    throw transferError('LW_TRANSFER_URL', { detail: 'Not in this test.' })
  }
  return {
    async fetchBytes(url, options) {
      const request = {
        url: String(url),
        method: options.method ?? 'GET',
        headers: { ...options.headers } as Record<string, string>,
      }
      const made = pages.answer?.(request)
      const bytes = made?.bytes ?? pages.get(request.url)
      if (bytes === undefined) return { status: 404, headers: {}, bytes: Buffer.alloc(0) }
      const body = request.method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(bytes)
      return { status: 200, headers: { ...made?.headers }, bytes: body }
    },
    async fetchToSink(url, { sink, resume }) {
      const bytes = pages.get(String(url)) ?? refuse()
      const offset = resume?.offset ?? 0
      await sink.write(bytes.subarray(offset))
      const receivedBytes = bytes.byteLength - offset
      return {
        bytes: bytes.byteLength,
        etag: undefined,
        receivedBytes,
        resumedFrom: offset,
        restarts: 0,
      }
    },
    fetchConditional: refuse,
    postForStream: refuse,
    postJson: refuse,
    upload: refuse,
    stop: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
}
