// A plain Node site with a transmitter below /dl: node examples/gateway/node-site.mjs [FOLDER] [PORT]
import { once } from 'node:events'
import http from 'node:http'
import { createGatewayHandler } from 'longwave/gateway'
import { createTransmitter } from 'longwave/transmitter'

const [directory = './longwave-data', port = '8080'] = process.argv.slice(2)
let site = ''
const gateway = createGatewayHandler({
  transmitter: createTransmitter({ directory }),
  path: '/dl',
  publicUrl: () => `${site}/dl`,
})
const server = http.createServer((request, response) => {
  gateway.handler(request, response, () => {
    const isHome = request.url === '/'
    response.writeHead(isHome ? 200 : 404, { 'content-type': 'text/html' })
    response.end(isHome ? '<h1>The site</h1><p><a href="/dl/">Downloads</a></p>' : 'Not here.')
  })
})
server.listen(Number(port), '127.0.0.1')
await once(server, 'listening')
site = `http://127.0.0.1:${server.address().port}`
await gateway.start()
console.log(site)
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    server.close()
    await gateway.stop()
  })
}
