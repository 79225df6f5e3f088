import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Connections on which no request has come yet. Node counts them as busy until its limit for heads
 * is over, so that a server that stops would wait for them.
 */
export class UnusedConnections {
  /** By the peer's address and port, which a TLS connection shares with the socket below it. */
  readonly #sockets = new Map<string, Socket>()

  /** @param server speaks HTTP/1.1 over TCP, with TLS or without */
  constructor(server: Server) {
    const note = (socket: Socket): void => {
      const peer = peerOf(socket)
      this.#sockets.set(peer, socket)
      socket.once('close', () => {
        if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer)
      })
    }
    server.on('connection', note)
    server.on('secureConnection', note)
    server.on('request', ({ socket }) => {
      if (this.#sockets.size > 0) this.#sockets.delete(peerOf(socket))
    })
  }

  /** Nothing has begun on them, so nothing is lost. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy()
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
