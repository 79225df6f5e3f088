import type { HttpServer } from '../../serving/index.ts'
import { openApiDocument } from './openapi-document.ts'

/** `GET /-/openapi.json` */
export function addOpenApi(server: HttpServer): void {
  const text = JSON.stringify(openApiDocument())
  server.app.get('/-/openapi.json', (_request, reply) =>
    reply.type('application/json').header('cache-control', 'no-cache').send(text),
  )
}
