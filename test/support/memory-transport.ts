import type { Transport } from '../../transport/index.ts'
import { transferError } from '../../transport/index.ts'

/** A transport whose network is a map from URL to bytes. */
export function memoryTransport(pages: ReadonlyMap<string, Uint8Array>): Transport {
  const refuse = (): never => {
    throw transferError('LW_TRANSFER_URL', { detail: 'Not in this test.' })
  }
  return {
    async fetchBytes(url) {
      const bytes = pages.get(String(url))
      return bytes === undefined
        ? { status: 404, headers: {}, bytes: Buffer.alloc(0) }
        : { status: 200, headers: {}, bytes: Buffer.from(bytes) }
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
    postJson: refuse,
    upload: refuse,
    stop: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
}
