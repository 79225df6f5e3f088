// One server process of the objects bench: `node server.js FOLDER memory|file`.
import { constants } from 'node:fs'
import { open } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { isDigest } from '../../protocol/index.ts'
import {
  createHttpServer,
  createLogger,
  describeObject,
  etagOfDigest,
  ObjectCache,
  ObjectMemory,
} from '../../serving/index.ts'

const [folder = '', kind] = process.argv.slice(2)
const sizes = JSON.parse(process.argv[4] ?? '{}') as Readonly<Record<string, number>>
const openFile = promisify(open)
const server = createHttpServer({ logger: createLogger({ name: 'bench', level: 'warn' }) })
const cache = new ObjectCache({
  sender: server.objects,
  answerError: server.answerError,
  ...(kind === 'memory' ? {} : { memory: new ObjectMemory({ budgetBytes: 0 }) }),
})
const prefix = '/demo/objects/'

server.hot.addMatcher((target) => {
  if (!target.startsWith(prefix)) return undefined
  const digest = target.slice(prefix.length)
  if (!isDigest(digest)) return undefined
  return (request, response, headers) => {
    const find = async () => {
      const fd = await openFile(path.join(folder, digest), constants.O_RDONLY)
      const size = sizes[digest] ?? 0
      const mime = 'application/octet-stream'
      const etag = etagOfDigest(digest)
      const object = describeObject({ size, etag, mime, immutable: true, digest })
      return { object, source: { kind: 'fd', fd } as const }
    }
    cache.send({ request, response }, digest, find, headers)
    return true
  }
})
console.log(await server.listen({ host: '127.0.0.1', port: 0 }))
process.on('SIGTERM', () => process.exit(0))
