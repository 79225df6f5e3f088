// A server of the network in a process of its own, to be killed:
//   node network-server.js transmitter|repeater|proxy DIRECTORY PORT [ORIGIN [TOKEN]]
// prints its URL, then serves until it ends.
import { createProxy } from '../../proxy/index.ts'
import { createRepeater } from '../../repeater/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'

const [role = '', directory = '', port = '0', origin = '', token = ''] = process.argv.slice(2)
const logger = createLogger({ name: role, level: 'silent' })
const parts = { directory, logger, listen: { host: '127.0.0.1', port: Number(port) } }

function create(): { start(): Promise<string> } {
  if (role === 'transmitter') return createTransmitter(parts)
  if (role === 'proxy') return createProxy({ ...parts, origins: [origin] })
  if (role !== 'repeater') throw new TypeError('transmitter, repeater or proxy')
  const transport = createTransport({ userAgent: 'longwave-test' })
  return createRepeater({ ...parts, origin, token, transport })
}

process.stdout.write(`${await create().start()}\n`)
