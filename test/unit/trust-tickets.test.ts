import fc from 'fast-check'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import {
  createTunerIdentity,
  encodeTunerIdentity,
  generateKeyPair,
  parseTunerIdentity,
  signRequest,
  signTicket,
  tunerIdOf,
  verifyRequest,
  verifyTicket,
} from '../../trust/index.ts'
import { start } from './trust-repository.ts'

const key = generateKeyPair()
const channelId = digestOf('channel')
const tunerId = digestOf('tuner')
const expires = start / 1000 + 3600

t.test('a ticket opens one channel for one tuner until it ends', (t) => {
  const token = signTicket({ channelId, tunerId, expires }, key)
  t.match(token, /^lwt1\.[A-Za-z0-9_-]{179}$/)
  const check = { publicKey: key, channelId, nowMs: start }
  t.same(verifyTicket(token, check), { channelId, tunerId, expires })
  t.same(verifyTicket(token, { ...check, nowMs: expires * 1000 - 1 }).tunerId, tunerId)
  const ended = { ...check, nowMs: expires * 1000 }
  t.throws(() => verifyTicket(token, ended), { code: 'LW_TRUST_TICKET_EXPIRED', exit: 12 })
  const other = { ...check, channelId: digestOf('other') }
  t.throws(() => verifyTicket(token, other), { code: 'LW_TRUST_TICKET', exit: 12, status: 403 })
  const stranger = { ...check, publicKey: generateKeyPair() }
  t.throws(() => verifyTicket(token, stranger), { code: 'LW_TRUST_TICKET' })
  t.end()
})

t.test('a ticket that was changed anywhere opens nothing', (t) => {
  const token = signTicket({ channelId, tunerId, expires }, key)
  const check = { publicKey: key, channelId, nowMs: start }
  const refused = (text: string) => {
    try {
      verifyTicket(text, check)
      return false
    } catch (error) {
      return (error as { code?: string }).code === 'LW_TRUST_TICKET'
    }
  }
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    t.ok(refused(changed), `character ${at}`)
  }
  for (const text of [
    '',
    'lwt1.',
    `${token}A`,
    `${token}=`,
    `${token} `,
    token.slice(1),
    'A'.repeat(999),
  ]) {
    t.ok(refused(text))
  }
  t.end()
})

t.test('a request is signed by the tuner whose id follows from its key', (t) => {
  const identity = createTunerIdentity()
  const again = parseTunerIdentity(encodeTunerIdentity(identity))
  t.equal(again.tunerId, identity.tunerId)
  t.equal(tunerIdOf(again.keys), identity.tunerId)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      t.equal(verifyRequest(body, signRequest(body, again.keys)), identity.tunerId)
    }),
    { numRuns: 50 },
  )
  t.end()
})

t.test('a request with another body, key or header is refused', (t) => {
  const { keys } = createTunerIdentity()
  const body = Buffer.from('{"channel":"…"}')
  const header = signRequest(body, keys)
  const refused = { code: 'LW_TRUST_REQUEST_SIGNATURE', status: 401 }
  t.throws(() => verifyRequest(Buffer.from('{}'), header), refused, 'another body')
  const [, signature] = header.split('.')
  const [stranger] = signRequest(body, generateKeyPair()).split('.')
  t.throws(() => verifyRequest(body, `${stranger}.${signature}`), refused, 'another key')
  const smallOrder = Buffer.alloc(32)
  smallOrder[0] = 1
  const forged = `${smallOrder.toString('base64url')}.${Buffer.concat([smallOrder, Buffer.alloc(32)]).toString('base64url')}`
  t.throws(() => verifyRequest(body, forged), refused, 'S28: a key of small order')
  for (const text of ['', '.', header.slice(1), `${header}=`, `${header}.`, 'x'.repeat(1000)]) {
    t.throws(() => verifyRequest(body, text), refused, JSON.stringify(text.slice(0, 20)))
  }
  t.end()
})

t.test('a signature for one purpose serves no other', (t) => {
  const request = signRequest(Buffer.from('x'), key).split('.')[1] ?? ''
  const ticket = signTicket({ channelId, tunerId, expires }, key)
  const bytes = Buffer.from(ticket.slice(5), 'base64url')
  const mixed = Buffer.concat([bytes.subarray(0, 70), Buffer.from(request, 'base64url')])
  const check = { publicKey: key, channelId, nowMs: start }
  t.throws(() => verifyTicket(`lwt1.${mixed.toString('base64url')}`, check), {
    code: 'LW_TRUST_TICKET',
  })
  const raw = Buffer.from(key.hex, 'hex').toString('base64url')
  const asRequest = `${raw}.${bytes.subarray(70).toString('base64url')}`
  t.throws(() => verifyRequest(bytes.subarray(0, 70), asRequest), {
    code: 'LW_TRUST_REQUEST_SIGNATURE',
  })
  t.end()
})
