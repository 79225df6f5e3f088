// One server process of the poll bench: `node server.js bare|framework|longwave`.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  addHealth,
  addMetrics,
  createHttpServer,
  createLogger,
  pollResponder,
} from '../../serving/index.ts'
import { pollDocument, pollPath } from './document.ts'

const { bytes, etag, mime, cacheControl } = pollDocument

/** The least that node:http can do: the same bytes, no other route. */
async function startBare(): Promise<string> {
  const server = http.createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, { ETag: etag, 'Cache-Control': cacheControl })
      response.end()
      return
    }
    response.writeHead(200, {
      'Content-Type': mime,
      'Content-Length': bytes.byteLength,
      ETag: etag,
      'Cache-Control': cacheControl,
      'X-Content-Type-Options': 'nosniff',
    })
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Our server as a role starts it; the poll before the framework, or as one of its routes. */
async function startLongwave(hot: boolean): Promise<string> {
  const server = createHttpServer({ logger: createLogger({ name: 'bench', level: 'warn' }) })
  addHealth(server, { service: 'bench', version: '0' })
  addMetrics(server)
  if (hot)
    server.hot.set(pollPath, pollResponder(pollDocument, { counters: server.counters }).handler)
  else {
    server.app.get(pollPath, (request, reply) => {
      reply.header('etag', etag).header('cache-control', cacheControl)
      if (request.headers['if-none-match'] === etag) reply.code(304).send()
      else reply.type(mime).send(bytes)
    })
  }
  return await server.listen({ host: '127.0.0.1', port: 0 })
}

const kind = process.argv[2]
console.log(kind === 'bare' ? await startBare() : await startLongwave(kind === 'longwave'))
process.on('SIGTERM', () => process.exit(0))
