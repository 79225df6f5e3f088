import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { parseBasePath } from './base-path.ts'
import { type AttachableTransmitter, createGatewayHandler } from './gateway-handler.ts'

/** What `longwaveGateway` takes, beside Fastify's own `prefix`. */
export interface LongwaveGatewayOptions {
  readonly transmitter: AttachableTransmitter
  /** The site's URL with the prefix; the address that is listened on when absent. */
  readonly publicUrl?: string
  /** Set by `register(longwaveGateway, { prefix: '/dl', … })`. */
  readonly prefix?: string
}

/**
 * Fastify plugin: `app.register(longwaveGateway, { prefix: '/dl', transmitter, publicUrl })`. The
 * transmitter opens with the site and is stopped with it. The site's own hooks, parsers and error
 * pages see nothing of its requests.
 * @throws LW_GATEWAY_PATH
 */
export async function longwaveGateway(
  app: FastifyInstance,
  options: LongwaveGatewayOptions,
): Promise<void> {
  const basePath = parseBasePath(app.prefix)
  const gateway = createGatewayHandler({
    transmitter: options.transmitter,
    path: basePath,
    publicUrl: options.publicUrl ?? (() => `${listeningUrl(app)}${basePath}`),
  })
  app.addHook('onClose', () => gateway.stop())
  // Bodies are the transmitter's to read.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const url of ['/', '/*']) {
    app.route({
      method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      logLevel: 'silent',
      handler: (request, reply) => {
        reply.hijack()
        gateway.handler(request.raw, reply.raw)
      },
    })
  }
  await gateway.start()
}

function listeningUrl(app: FastifyInstance): string {
  const address = app.server.address()
  if (address === null || typeof address === 'string') return ''
  const { address: host, port, family } = address satisfies AddressInfo
  const scheme = 'setSecureContext' in app.server ? 'https' : 'http'
  return `${scheme}://${family === 'IPv6' ? `[${host}]` : host}:${port}`
}
