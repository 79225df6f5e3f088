import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Sends exactly these bytes and collects what comes back until the server closes. */
export async function rawExchange(url: string, bytes: string | Uint8Array): Promise<string> {
  const socket = await rawConnection(url)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(bytes)
  await closeOf(socket)
  return Buffer.concat(chunks).toString('latin1')
}

/** An open connection whose errors are ignored. */
export async function rawConnection(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Waits until a connection is closed, in whatever way. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
