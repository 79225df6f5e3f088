import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Reader, SlowClients } from './slow-clients.ts'

/** A body that is made while it is sent, so that its length is known only at its end. */
export interface StreamedAnswer {
  /** Header names and values by turns. */
  readonly headers: readonly string[]
  readonly body: Readable
  /** Milliseconds after which a client that has not taken the whole is cut. */
  readonly lifetimeMs: number
}

/**
 * Sends a body at the pace at which its client takes it, and ends its making when the client goes.
 * A body that fails breaks the connection: the client must not take the part for the whole.
 * @returns bytes sent, and whether that was all
 * @throws what the body fails with
 */
export async function sendStream(
  response: ServerResponse,
  answer: StreamedAnswer,
  slowClients: SlowClients,
): Promise<{ readonly bytes: number; readonly isComplete: boolean }> {
  const { body, headers, lifetimeMs } = answer
  const reader: Reader = { response, tookAtMs: 0 }
  const cut = setTimeout(() => response.destroy(), lifetimeMs)
  response.on('error', () => undefined)
  response.once('close', () => body.destroy())
  let bytes = 0
  try {
    response.writeHead(200, [...headers])
    response.flushHeaders()
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (response.destroyed) break
      bytes += chunk.byteLength
      if (!response.write(chunk)) await isTaken(response, reader, slowClients)
    }
    if (response.destroyed) return { bytes, isComplete: false }
    await ended(response)
    return { bytes, isComplete: response.writableFinished }
  } catch (error) {
    // Without its reader the body ends early, which is no failure of its own.
    if (response.destroyed) return { bytes, isComplete: false }
    response.destroy()
    throw error
  } finally {
    clearTimeout(cut)
    slowClients.endReader(reader)
  }
}

/** Resolves when the client has taken what was written, or is gone. */
async function isTaken(
  response: ServerResponse,
  reader: Reader,
  slowClients: SlowClients,
): Promise<void> {
  if (response.destroyed) return
  if (reader.tookAtMs === 0) slowClients.watchReader(reader)
  reader.tookAtMs = performance.now()
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
  reader.tookAtMs = performance.now()
}

function ended(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve)
    response.end(resolve)
  })
}
