// A Fastify site with a transmitter below /dl: node examples/gateway/fastify-site.mjs [FOLDER] [PORT]
import { fastify } from 'fastify'
import { longwaveGateway } from 'longwave/gateway'
import { createTransmitter } from 'longwave/transmitter'

const [directory = './longwave-data', port = '8080'] = process.argv.slice(2)
const app = fastify()
app.get('/', async (_request, reply) =>
  reply.type('text/html').send('<h1>The site</h1><p><a href="/dl/">Downloads</a></p>'),
)
await app.register(longwaveGateway, {
  prefix: '/dl',
  transmitter: createTransmitter({ directory }),
})
console.log(await app.listen({ host: '127.0.0.1', port: Number(port) }))
process.once('SIGTERM', () => app.close())
process.once('SIGINT', () => app.close())
