// The origin of the proxy bench: `node origin.js FOLDER`. Objects lie in FOLDER by their digest;
// `/site/update` answers `{}`; `/slow/…` sends them in sixteen pieces over two seconds.
import { readFileSync } from 'node:fs'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

const [folder = ''] = process.argv.slice(2)
const pieces = 16
const pauseMs = 125

function sendSlowly(response: ServerResponse, bytes: Buffer): void {
  const size = Math.ceil(bytes.byteLength / pieces)
  let at = 0
  const timer = setInterval(() => {
    response.write(bytes.subarray(at, at + size))
    at += size
    if (at < bytes.byteLength) return
    clearInterval(timer)
    response.end()
  }, pauseMs)
}

const server = http.createServer((request, response) => {
  if (request.url === '/site/update') {
    request.resume()
    request.on('end', () => {
      response.writeHead(200, { 'cache-control': 'private, no-store', 'content-length': '2' })
      response.end('{}')
    })
    return
  }
  const match = /^\/(site|slow)\/(?:objects\/([0-9a-f]{64})|trust\/timestamp\.json)$/.exec(
    request.url ?? '',
  )
  if (match === null) {
    response.writeHead(404)
    response.end()
    return
  }
  if (match[2] === undefined) {
    response.writeHead(200, { etag: '"1"', 'cache-control': 'public, max-age=0, s-maxage=5' })
    response.end('{}')
    return
  }
  const bytes = readFileSync(path.join(folder, match[2]))
  response.writeHead(200, {
    'content-length': String(bytes.byteLength),
    'content-type': 'application/octet-stream',
    'cache-control': 'public, max-age=31536000, immutable',
    etag: `"${match[2]}"`,
  })
  if (match[1] === 'slow') sendSlowly(response, bytes)
  else response.end(bytes)
})
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
process.on('SIGTERM', () => process.exit(0))
