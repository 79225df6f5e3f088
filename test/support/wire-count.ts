import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/** A TCP relay in front of a server that counts what crosses it, both ways. */
export interface WireCounter {
  readonly url: string
  /** Bytes since the last call; headers, both directions, without TCP's own. */
  take(): { readonly up: number; readonly down: number; readonly connections: number }
  stop(): Promise<void>
}

/** Starts a relay to a server on this machine. */
export async function startWireCounter(target: string): Promise<WireCounter> {
  const { hostname, port } = new URL(target)
  let counts = { up: 0, down: 0, connections: 0 }
  const sockets = new Set<{ destroy(): unknown }>()
  const server = createServer((socket) => {
    counts.connections++
    const upstream = connect(Number(port), hostname)
    for (const one of [socket, upstream]) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        socket.destroy()
        upstream.destroy()
      })
    }
    socket.on('data', (chunk) => {
      counts.up += chunk.byteLength
    })
    upstream.on('data', (chunk) => {
      counts.down += chunk.byteLength
    })
    socket.pipe(upstream)
    upstream.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = counts
      counts = { up: 0, down: 0, connections: 0 }
      return taken
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
