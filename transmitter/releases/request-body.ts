import type { FastifyRequest } from 'fastify'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** What the framing of parts may add to their bytes. */
const framingBytesMax = 4 * 1024 * 1024

/**
 * Bounds a request body that is read as a stream, whatever its parts say.
 * @throws LW_TRANSMIT_TOO_LARGE when it announces more
 */
export function boundBody(request: FastifyRequest): void {
  const bytesMax = limits.uploadRequestBytesMax + framingBytesMax
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > bytesMax) throw transmitterError('LW_TRANSMIT_TOO_LARGE')
  let bytes = 0
  request.raw.on('data', (chunk: Uint8Array) => {
    bytes += chunk.byteLength
    // Who sends on and on is not going to read an answer.
    if (bytes > bytesMax) request.raw.destroy()
  })
}

/**
 * Reads what is left of a body that was given up, so that the client sees the answer and the
 * connection can be used again.
 */
export function drainBody(request: FastifyRequest): void {
  request.raw.unpipe()
  request.raw.resume()
}
