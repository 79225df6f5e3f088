// A transmitter in a process of its own, to be killed: prints its URL, then serves until it ends.
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new TypeError('a data folder is needed')
const transmitter = createTransmitter({
  directory,
  listen: { host: '127.0.0.1', port: 0 },
  logger: createLogger({ name: 'test', level: 'silent' }),
})
process.stdout.write(`${await transmitter.start()}\n`)
