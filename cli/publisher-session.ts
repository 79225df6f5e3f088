import { createPublisher, type Publisher } from '../publisher/index.ts'
import type { Session } from './session.ts'

/** Opens this home's publisher for one command. */
export function openPublisher(session: Session): Publisher {
  return createPublisher({
    home: session.home,
    transport: session.transport(),
    environment: process.env,
    passphrase: process.env['LONGWAVE_PASSPHRASE'],
  })
}
