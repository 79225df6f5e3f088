import type { BandwidthLimit } from './bandwidth.ts'

/** What `uploadBody` takes. */
export interface UploadBodyOptions {
  readonly source: () => AsyncIterable<Uint8Array>
  readonly bandwidth: BandwidthLimit | undefined
  readonly signal: AbortSignal
  readonly onProgress: ((sentBytes: number) => void) | undefined
}

/** A streamed body and what its source threw, which the HTTP client would hide. */
export interface UploadBody {
  readonly body: () => AsyncIterable<Uint8Array>
  failure(): unknown
}

/** Counts and paces the chunks of a request body. */
export function uploadBody(options: UploadBodyOptions): UploadBody {
  let failed: unknown
  async function* body(): AsyncGenerator<Uint8Array> {
    let sentBytes = 0
    try {
      for await (const chunk of options.source()) {
        yield chunk
        sentBytes += chunk.byteLength
        options.onProgress?.(sentBytes)
        const held = options.bandwidth?.take(chunk.byteLength, options.signal)
        if (held !== undefined) await held
      }
    } catch (error) {
      if (!options.signal.aborted) failed = error
      throw error
    }
  }
  return { body, failure: () => failed }
}
