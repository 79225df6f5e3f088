import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { type PublicKey, type Signer, isSignatureOf, signatureBytes } from '../ed25519.ts'
import { trustError } from '../errors.ts'
import { limits } from '../limits.ts'
import { timeText } from '../times.ts'

/** Leave for one tuner to read one closed channel at repeaters and proxies, which hold no keys. */
export interface Ticket {
  readonly channelId: Digest
  readonly tunerId: Digest
  /** Whole seconds since 1970. */
  readonly expires: number
}

const prefix = 'lwt1.'
/** Sets these signatures apart from every other use of a key. */
const domain = Buffer.from('longwave-ticket-1\0')
const digestBytes = 32
const expiresBytes = 6
const bodyBytes = 2 * digestBytes + expiresBytes

/**
 * `lwt1.` and Base64url of channel id, tuner id, expiry (48 bits, big-endian) and an Ed25519
 * signature: 184 characters, fit for a header.
 */
export function signTicket(ticket: Ticket, key: Signer): string {
  const body = Buffer.alloc(bodyBytes)
  body.write(ticket.channelId, 0, 'hex')
  body.write(ticket.tunerId, digestBytes, 'hex')
  body.writeUIntBE(ticket.expires, 2 * digestBytes, expiresBytes)
  const signature = key.sign(Buffer.concat([domain, body]))
  return prefix + Buffer.concat([body, signature]).toString('base64url')
}

/**
 * Checks a ticket for one channel. Who presents it is the caller's question: `tunerId` is returned.
 * @throws LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export function verifyTicket(
  token: string,
  options: {
    readonly publicKey: PublicKey
    readonly channelId: Digest
    /** Milliseconds since 1970. */
    readonly nowMs: number
  },
): Ticket {
  const { body, signature } = splitToken(token)
  if (!isSignatureOf(options.publicKey, Buffer.concat([domain, body]), signature)) {
    throw refused('Its signature is not the channel’s.')
  }
  const ticket = {
    channelId: digestFromBytes(body.subarray(0, digestBytes)),
    tunerId: digestFromBytes(body.subarray(digestBytes, 2 * digestBytes)),
    expires: body.readUIntBE(2 * digestBytes, expiresBytes),
  }
  if (ticket.channelId !== options.channelId) throw refused('It is for another channel.')
  if (options.nowMs < ticket.expires * 1000) return ticket
  throw trustError('LW_TRUST_TICKET_EXPIRED', {
    detail: `It ended at ${timeText(ticket.expires * 1000)}.`,
    next: 'The tuner asks the transmitter for a new one.',
  })
}

function splitToken(token: string): { readonly body: Buffer; readonly signature: Buffer } {
  const isTicket = token.length <= limits.ticketCharactersMax && token.startsWith(prefix)
  const text = isTicket ? token.slice(prefix.length) : ''
  const bytes = Buffer.from(text, 'base64url')
  // Writing it again refuses what a lenient decoder passes over.
  if (bytes.byteLength !== bodyBytes + signatureBytes || bytes.toString('base64url') !== text) {
    throw refused('It is not a ticket.')
  }
  return { body: bytes.subarray(0, bodyBytes), signature: bytes.subarray(bodyBytes) }
}

function refused(detail: string): Error {
  return trustError('LW_TRUST_TICKET', { detail })
}
