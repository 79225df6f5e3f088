import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Requests as bytes, ready to be written, and how many connections they go over. */
export interface Burst {
  readonly url: string
  readonly requests: readonly Buffer[]
  readonly connections: number
  /** Told the status and the body of each answer. */
  onAnswer(at: number, status: number, body: Buffer): void
}

/**
 * Sends all requests as fast as answers come, one after the other on each connection. It is written
 * by hand so that the client costs as little as can be of the processors it shares.
 * @returns milliseconds from the first byte to the last answer
 */
export async function sendBurst(burst: Burst): Promise<number> {
  const { hostname, port } = new URL(burst.url)
  const sockets = await Promise.all(
    Array.from({ length: burst.connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      await once(socket, 'connect')
      return socket
    }),
  )
  let next = 0
  const take = (): number | undefined => (next < burst.requests.length ? next++ : undefined)
  const started = performance.now()
  await Promise.all(sockets.map((socket) => work(socket, burst, take)))
  const spent = performance.now() - started
  for (const socket of sockets) socket.destroy()
  return spent
}

function work(socket: Socket, burst: Burst, take: () => number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let current = take()
    let held = Buffer.alloc(0)
    const send = (): void => {
      if (current === undefined) resolve()
      else socket.write(burst.requests[current] as Buffer)
    }
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('a connection was closed')))
    socket.on('data', (chunk) => {
      held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk])
      const answer = answerOf(held)
      if (answer === undefined || current === undefined) return
      burst.onAnswer(current, answer.status, answer.body)
      held = held.subarray(answer.end)
      current = take()
      send()
    })
    send()
  })
}

/** One whole answer at the beginning of the bytes. */
function answerOf(
  bytes: Buffer,
): { readonly status: number; readonly body: Buffer; readonly end: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const end = headEnd + 4 + length
  if (bytes.byteLength < end) return undefined
  return { status, body: bytes.subarray(headEnd + 4, end), end }
}
