// The transmitter of the bench of a herd in a process of its own: `node transmitter.js FOLDER CHANNEL`.
import type { ChannelName } from '../../protocol/index.ts'
import { createLogger } from '../../serving/index.ts'
import { allowPlugin, createTransmitter } from '../../transmitter/index.ts'

const [directory = '', channel = ''] = process.argv.slice(2)
const transmitter = createTransmitter({
  directory,
  listen: { host: '127.0.0.1', port: 0 },
  logger: createLogger({ name: 'bench', level: 'warn' }),
})
const url = await transmitter.start()
await allowPlugin({ directory, channel: channel as ChannelName, isAllowed: true, settings: {} })
console.log(url)
process.on('SIGTERM', () => void transmitter.stop().then(() => process.exit(0)))
