import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync } from 'node:zlib'
import type { WantedObject } from '../../mirroring/index.ts'
import { type Digest, digestOf, parsePackRequest } from '../../protocol/index.ts'

/** A request for a pack, with the honest answer to it. */
export interface PackQuestion {
  /** The how manieth it is, from 1. */
  readonly number: number
  readonly digests: readonly Digest[]
  readonly request: http.IncomingMessage
  readonly response: http.ServerResponse
  /** The bytes of the objects, in order. */
  readonly contents: readonly Buffer[]
}

/** How a server answers requests for packs. */
export type PackBehaviour = (question: PackQuestion) => void

/** A server of objects that are honest one by one; packs are answered as a test says. */
export interface PackServer {
  readonly url: string
  readonly objects: readonly WantedObject[]
  /** Requests for packs, and for single objects, so far. */
  readonly asked: { packs: number; singles: number }
  behave(behaviour: PackBehaviour): void
}

/** Answers as a transmitter does. */
export const honestly: PackBehaviour = ({ response, contents }) => {
  response.end(brotliCompressSync(Buffer.concat(contents)))
}

export async function startPackServer(
  t: { teardown(work: () => unknown): void },
  contents: readonly Buffer[],
): Promise<PackServer> {
  const held = new Map(contents.map((bytes) => [digestOf(bytes), bytes]))
  const asked = { packs: 0, singles: 0 }
  let behaviour = honestly
  const server = http.createServer(async (request, response) => {
    if (request.method === 'POST' && request.url === '/objects') {
      const number = ++asked.packs
      const parts = (await request.toArray()) as Buffer[]
      const digests = parsePackRequest(Buffer.concat(parts)) ?? []
      const wanted = digests.map((digest) => held.get(digest) ?? Buffer.alloc(0))
      behaviour({ number, digests, request, response, contents: wanted })
      return
    }
    const [, name = ''] = /^\/objects\/([0-9a-f]{64})$/.exec(request.url ?? '') ?? []
    const bytes = held.get(name as Digest)
    if (bytes !== undefined) asked.singles += 1
    response.writeHead(bytes === undefined ? 404 : 200)
    response.end(bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: [...held].map(([sha256, { byteLength: size }]) => ({ sha256, size, mime: '' })),
    asked,
    behave(how) {
      behaviour = how
    },
  }
}
