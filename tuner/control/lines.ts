import type { Socket } from 'node:net'
import { tunerError } from '../errors.ts'

/**
 * The JSON texts that a socket brings, one a line, until it ends.
 * @throws LW_TUNER_CONTROL on a line that is too long or no JSON; the socket's own errors
 */
export async function* linesOf(socket: Socket, bytesMax: number): AsyncGenerator<unknown> {
  let held: Buffer[] = []
  let heldBytes = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let rest = chunk
    for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10)) {
      held.push(rest.subarray(0, at))
      rest = rest.subarray(at + 1)
      yield parseLine(Buffer.concat(held))
      held = []
      heldBytes = 0
    }
    held.push(rest)
    heldBytes += rest.length
    if (heldBytes > bytesMax) {
      throw tunerError('LW_TUNER_CONTROL', { detail: 'A line of the local socket is too long.' })
    }
  }
}

function parseLine(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw tunerError('LW_TUNER_CONTROL', { detail: 'The local socket spoke no JSON.', cause })
  }
}

/** Sends one line. */
export function sendLine(socket: Socket, value: unknown): void {
  if (!socket.destroyed && socket.writable) socket.write(`${JSON.stringify(value)}\n`)
}
