// The proxy of the proxy bench in a process of its own: `node server.js FOLDER ORIGIN`.
import { createProxy } from '../../proxy/index.ts'
import { createLogger } from '../../serving/index.ts'

const [directory = '', origin = ''] = process.argv.slice(2)
const proxy = createProxy({
  directory,
  listen: { host: '127.0.0.1', port: 0 },
  origins: [origin],
  logger: createLogger({ name: 'bench', level: 'warn' }),
})
console.log(await proxy.start())
process.on('SIGTERM', () => process.exit(0))
