import { createBrotliDecompress } from 'node:zlib'
import { servingError } from './errors.ts'

/** Bytes that are unpacked at a time. */
const chunkBytes = 64 * 1024

/**
 * Unpacks a body of the coding `br`. It is unpacked twice, the first time only to learn its length:
 * a few bytes may stand for very many, and what is too much takes no memory this way.
 * @throws LW_SERVE_BODY_TOO_LARGE as soon as there are more than `bytesMax`
 * @throws LW_SERVE_REQUEST when the coding is broken
 */
export async function unpackBody(body: Uint8Array, bytesMax: number): Promise<Buffer> {
  try {
    const whole = Buffer.allocUnsafe(await unpackedBytes(body, bytesMax))
    let at = 0
    for await (const chunk of unpacked(body)) at += chunk.copy(whole, at)
    return whole
  } catch (cause) {
    if (!isOfZlib(cause)) throw cause
    throw servingError('LW_SERVE_REQUEST', { detail: 'Its compression is broken.', cause })
  }
}

async function unpackedBytes(body: Uint8Array, bytesMax: number): Promise<number> {
  let bytes = 0
  for await (const chunk of unpacked(body)) {
    bytes += chunk.byteLength
    if (bytes <= bytesMax) continue
    throw servingError('LW_SERVE_BODY_TOO_LARGE', {
      detail: `Unpacked it has more than ${bytesMax} bytes.`,
    })
  }
  return bytes
}

function unpacked(body: Uint8Array): AsyncIterable<Buffer> {
  const stream = createBrotliDecompress({ chunkSize: chunkBytes })
  stream.end(body)
  return stream
}

function isOfZlib(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | null)?.code)
  return code.startsWith('ERR_') || code.startsWith('Z_')
}
