import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson, digestOf, isLongwaveError } from '../../protocol/index.ts'
import {
  type KeyPair,
  type ReleaseTarget,
  addSignature,
  createRoot,
  createTargets,
  createTimestamp,
  generateKeyPair,
  isSignatureOf,
  officesOf,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTime,
  parseTimestamp,
  publicKeyFromBytes,
  publicKeyFromHex,
  publicKeyFromSpki,
  timeText,
  verifySignatures,
} from '../../trust/index.ts'
import { createRepository, releaseTarget, start } from './trust-repository.ts'

const repository = createRepository()
const timestampText = Buffer.from(repository.file('timestamp.json')).toString()
const targetsText = Buffer.from(repository.file('1.targets.json')).toString()

interface AnyFile {
  signatures: { keyid: string; sig: string }[]
  signed: Record<string, unknown>
}

/** How parsing ends: the code of the refusal, or `accepted`. */
function ending(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (isLongwaveError(error)) return error.code
    throw error
  }
  return 'accepted'
}

/** Signs whatever JSON text says, over the bytes that the text has for `signed`. */
function signText(signed: string, key: KeyPair): Buffer {
  const sig = Buffer.from(key.sign(Buffer.from(signed))).toString('hex')
  const signatures = `[{"keyid":"${key.keyId}","sig":"${sig}"}]`
  return Buffer.from(`{"signatures":${signatures},"signed":${signed}}`)
}

const signedTimestamp = timestampText.slice(timestampText.indexOf('"signed":') + 9, -1)

t.test('S16: JSON that two parsers could read differently is refused, signed or not', (t) => {
  const change = (from: string | RegExp, to: string) => {
    const changed = signedTimestamp.replace(from, to)
    if (changed === signedTimestamp) throw new TypeError(`nothing changed: ${to}`)
    return signText(changed, repository.online)
  }
  const whole = (from: string | RegExp, to: string) => Buffer.from(timestampText.replace(from, to))
  const vectors: readonly (readonly [string, Uint8Array])[] = [
    ['duplicate version', change('"version":1}', '"version":1,"version":2}')],
    ['duplicate channel', change('{"_type"', `{"channel":"${'0'.repeat(64)}","_type"`)],
    ['duplicate signed', whole('"signed":', '"signed":{},"signed":')],
    ['duplicate meta', change('"spec_version"', '"meta":{},"spec_version"')],
    ['__proto__ in signed', change('{"_type"', '{"__proto__":{"version":9},"_type"')],
    ['__proto__ in the envelope', whole('{"signatures"', '{"__proto__":{},"signatures"')],
    ['constructor in signed', change('"expires"', '"constructor":{},"expires"')],
    ['trailing bytes', Buffer.from(`${timestampText}x`)],
    ['trailing line end', Buffer.from(`${timestampText}\n`)],
    ['trailing NUL', Buffer.from(`${timestampText}\0`)],
    ['leading space', Buffer.from(` ${timestampText}`)],
    ['byte order mark', Buffer.from(`\ufeff${timestampText}`)],
    ['UTF-16', Buffer.from(timestampText, 'utf16le')],
    ['NaN', change('"version":1}', '"version":NaN}')],
    ['Infinity', change('"version":1}', '"version":1e999}')],
    ['1e0', change('"version":1}', '"version":1e0}')],
    ['1.0', change('"version":1}', '"version":1.0}')],
    ['1.5', change('"version":1}', '"version":1.5}')],
    ['-0', change('"version":1}', '"version":-0}')],
    ['01', change('"version":1}', '"version":01}')],
    ['beyond 2^53', change('"version":1}', '"version":9007199254740993}')],
    ['2^53', change('"version":1}', '"version":9007199254740992}')],
    ['0', change('"version":1}', '"version":0}')],
    ['-1', change('"version":1}', '"version":-1}')],
    ['a version as text', change('"version":1}', '"version":"1"}')],
    ['a lone surrogate', change('"expires"', '"a":"\\ud800","expires"')],
    ['an escaped letter', change('"_type":"timestamp"', '"_type":"\\u0074imestamp"')],
    ['an escaped slash', change('"expires"', '"a":"\\/","expires"')],
    ['a raw control character', change('"expires"', '"a":"\u0001","expires"')],
    ['members out of order', change(/^\{("_type":"timestamp"),(.*)\}$/, '{$2,$1}')],
    ['a comment', change('{"_type"', '{/**/"_type"')],
    ['a comma at the end', change('"version":1}', '"version":1,}')],
    ['single quotes', change('"_type"', "'_type'")],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from(timestampText.slice(0, -1)), Buffer.from([0xff, 0x7d])]),
    ],
    ['100,000 nestings', Buffer.from('['.repeat(10_000))],
    ['nothing', Buffer.alloc(0)],
    ['null', Buffer.from('null')],
    ['a list', Buffer.from('[]')],
    ['text', Buffer.from('"signed"')],
  ]
  for (const [name, bytes] of vectors) {
    t.match(
      ending(() => parseTimestamp(bytes)),
      /^LW_FORMAT_/,
      name,
    )
  }
  t.equal(({} as { version?: unknown }).version, undefined, 'Object.prototype is unchanged')
  t.equal(
    ending(() => parseTimestamp(signText(signedTimestamp, repository.online))),
    'accepted',
  )
  t.end()
})

t.test('times are exact', (t) => {
  t.equal(parseTime('2025-06-01T00:00:00Z'), start)
  t.equal(timeText(start + 999), '2025-06-01T00:00:00Z')
  const wrong = [
    '2025-02-30T00:00:00Z',
    '2025-06-01T24:00:00Z',
    '2025-06-01T00:00:60Z',
    '2025-06-01T00:00:00',
    '2025-06-01T00:00:00.000Z',
    '2025-06-01T00:00:00+00:00',
    '2025-06-01 00:00:00Z',
    '2025-6-1T00:00:00Z',
    '+002025-06-01T00:00:00Z',
    '2025-06-01T00:00:00Z\n',
    '',
    1748736000,
    null,
  ]
  for (const text of wrong) t.equal(parseTime(text), undefined, JSON.stringify(text))
  t.end()
})

/** Changes a file and signs it again, if need be with what our makers refuse to write. */
function forge(bytes: Uint8Array, key: KeyPair, change: (signed: Record<string, unknown>) => void) {
  const file = JSON.parse(Buffer.from(bytes).toString()) as AnyFile
  change(file.signed)
  return signText(canonicalJson(file.signed as never), key)
}

type Members = Record<string, Record<string, unknown>>

t.test('S17: no key of another kind, no key under another name', (t) => {
  const root = repository.file('1.root.json')
  const { recovery, publisher } = repository
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsaPem = rsa.export({ type: 'spki', format: 'pem' })
  const keys = (change: (keys: Members) => void) =>
    forge(root, recovery, (signed) => change(signed['keys'] as Members))
  const onPublisher = (members: object) =>
    keys((all) => Object.assign(all[publisher.keyId] ?? {}, members))
  const vectors: readonly (readonly [string, Uint8Array])[] = [
    ['keytype none', onPublisher({ keytype: 'none' })],
    [
      'keytype rsa',
      onPublisher({ keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: rsaPem } }),
    ],
    ['keytype ecdsa', onPublisher({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256' })],
    ['scheme of another type', onPublisher({ scheme: 'rsassa-pss-sha256' })],
    ['scheme none', onPublisher({ scheme: 'none' })],
    ['scheme in capitals', onPublisher({ scheme: 'Ed25519' })],
    ['an RSA key as an Ed25519 one', onPublisher({ keyval: { public: rsaPem } })],
    ['an Ed25519 key in PEM', onPublisher({ keyval: { public: '-----BEGIN PUBLIC KEY-----' } })],
    ['a key in capitals', onPublisher({ keyval: { public: publisher.hex.toUpperCase() } })],
    ['a key of 31 bytes', onPublisher({ keyval: { public: publisher.hex.slice(2) } })],
    ['a private half', onPublisher({ keyval: { public: publisher.hex, private: 'x' } })],
    ['an unknown member of a key', onPublisher({ keyid_hash_algorithms: ['sha256'] })],
    [
      'a key under the id of another',
      keys((all) => {
        all[publisher.keyId] = { ...all[recovery.keyId] }
      }),
    ],
    [
      'a key that no role uses',
      keys((all) => {
        const { keyId, hex } = generateKeyPair()
        all[keyId] = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } }
      }),
    ],
    [
      'a keyid that is no digest',
      keys((all) => {
        all['../x'] = { ...all[recovery.keyId] }
      }),
    ],
  ]
  for (const [name, bytes] of vectors)
    t.equal(
      ending(() => parseRoot(bytes)),
      'LW_FORMAT_DOCUMENT',
      name,
    )
  const signature = (sig: string) =>
    Buffer.from(timestampText.replace(/"sig":"[0-9a-f]+"/, `"sig":"${sig}"`))
  const sigs = ['', '00', 'g'.repeat(128), 'A'.repeat(128), '0'.repeat(126), '0'.repeat(130)]
  for (const sig of sigs) {
    t.equal(
      ending(() => parseTimestamp(signature(sig))),
      'LW_FORMAT_DOCUMENT',
      `sig "${sig}"`,
    )
  }
  const zero = parseTimestamp(signature('0'.repeat(128)))
  const authority = parseRoot(root).view.roles.timestamp
  t.equal(
    ending(() => verifySignatures(zero, [authority])),
    'LW_TRUST_SIGNATURE',
    'all zero',
  )
  t.end()
})

t.test('a root has one meaning: roles, thresholds and offices', (t) => {
  const root = repository.file('1.root.json')
  const { recovery, publisher, online } = repository
  const roles = (change: (roles: Members) => void) =>
    forge(root, recovery, (signed) => change(signed['roles'] as Members))
  const set = (role: string, members: object) =>
    roles((all) => Object.assign(all[role] ?? {}, members))
  const vectors: readonly (readonly [string, Uint8Array])[] = [
    ['threshold 0', set('targets', { threshold: 0 })],
    ['threshold -1', set('targets', { threshold: -1 })],
    ['threshold 1.5', set('targets', { threshold: 1.5 })],
    ['threshold beyond the keys', set('targets', { threshold: 2 })],
    ['a key twice', set('targets', { keyids: [publisher.keyId, publisher.keyId] })],
    ['a key that is not there', set('targets', { keyids: [digestOf('x')] })],
    ['no keys', set('targets', { keyids: [] })],
    ['a role too few', roles((all) => delete all['snapshot'])],
    ['a role too many', roles((all) => Object.assign(all, { mirrors: all['targets'] }))],
    [
      'recovery key as publisher key',
      set('targets', { keyids: [publisher.keyId, recovery.keyId] }),
    ],
    ['publisher key as online key', set('timestamp', { keyids: [online.keyId, publisher.keyId] })],
    ['recovery key as online key', set('snapshot', { keyids: [online.keyId, recovery.keyId] })],
    [
      'no consistent snapshots',
      forge(root, recovery, (signed) => (signed['consistent_snapshot'] = false)),
    ],
    ['no nonce', forge(root, recovery, (signed) => delete signed['nonce'])],
    ['a short nonce', forge(root, recovery, (signed) => (signed['nonce'] = '00'))],
    ['spec_version 2.0.0', forge(root, recovery, (signed) => (signed['spec_version'] = '2.0.0'))],
    ['spec_version 1.1.0', forge(root, recovery, (signed) => (signed['spec_version'] = '1.1.0'))],
    ['spec_version 1.0', forge(root, recovery, (signed) => (signed['spec_version'] = '1.0'))],
    ['another role', repository.file('timestamp.json')],
  ]
  for (const [name, bytes] of vectors)
    t.equal(
      ending(() => parseRoot(bytes)),
      'LW_FORMAT_DOCUMENT',
      name,
    )
  const offices = officesOf(root)
  const overlap = { ...offices, recoveryKeys: [recovery], targetsKeys: [recovery] }
  const make = () => createRoot({ ...overlap, nonce: new Uint8Array(16), expires: timeText(start) })
  t.throws(make, { code: 'LW_FORMAT_DOCUMENT' }, 'nor is such a root made')
  t.equal(
    ending(() => parseRoot(Buffer.alloc(65 * 1024, 0x20))),
    'LW_FORMAT_TOO_LARGE',
  )
  t.end()
})

t.test('S8: targets name one manifest, delegate nothing, and give sane figures', (t) => {
  const { publisher } = repository
  const bytes = repository.file('1.targets.json')
  const target = (change: (target: Record<string, unknown>) => void) =>
    forge(bytes, publisher, (signed) => change((signed['targets'] as Members)['manifest'] ?? {}))
  const custom = (members: object) => target((it) => Object.assign(it['custom'] as object, members))
  const bundle = { from: 1, sha256: digestOf('b'), bytes: 5, format: 'bundle-1' }
  const vectors: readonly (readonly [string, Uint8Array])[] = [
    ['a delegation', forge(bytes, publisher, (signed) => (signed['delegations'] = {}))],
    [
      'a second target',
      forge(bytes, publisher, (signed) => {
        const targets = signed['targets'] as Members
        targets['etc/passwd'] = { ...targets['manifest'] }
      }),
    ],
    ['no target', forge(bytes, publisher, (signed) => (signed['targets'] = {}))],
    ['no channel', forge(bytes, publisher, (signed) => delete signed['channel'])],
    ['only MD5 (S18)', target((it) => (it['hashes'] = { md5: '0'.repeat(32) }))],
    [
      'MD5 beside SHA-256 (S18)',
      target((it) => Object.assign(it['hashes'] as object, { md5: '0' })),
    ],
    ['no hashes (S18)', target((it) => (it['hashes'] = {}))],
    ['length 0', target((it) => (it['length'] = 0))],
    ['length of 1 TiB', target((it) => (it['length'] = 2 ** 40))],
    ['release 0', custom({ release: 0 })],
    ['release 1.5', custom({ release: 1.5 })],
    ['no release', custom({ release: null })],
    ['entries -1', custom({ entries: -1 })],
    ['a file larger than all', custom({ largestFileBytes: 31 })],
    ['minimum above the release', custom({ minimum: 2 })],
    ['ended: false', custom({ ended: false })],
    ['a label of two lines', custom({ label: 'a\nb' })],
    ['a label that is too long', custom({ label: 'x'.repeat(65) })],
    ['a rollout without an end', custom({ rollout: { from: timeText(start) } })],
    ['a rollout from never', custom({ rollout: { from: 'never', over: 1 } })],
    ['a rollout of ten years', custom({ rollout: { from: timeText(start), over: 3.2e8 } })],
    ['a bundle from itself', custom({ bundles: [bundle] })],
    [
      'a bundle with a path for a format',
      custom({ release: 2, bundles: [{ ...bundle, format: '../x' }] }),
    ],
    ['a bundle with a path', custom({ release: 2, bundles: [{ ...bundle, path: 'x' }] })],
    ['bundles without number', custom({ release: 2, bundles: Array(257).fill(bundle) })],
    [
      '__proto__ in custom',
      Buffer.from(targetsText.replace('"custom":{', '"custom":{"__proto__":1,')),
    ],
  ]
  for (const [name, file] of vectors)
    t.match(
      ending(() => parseTargets(file)),
      /^LW_FORMAT_/,
      name,
    )
  t.equal(
    ending(() => parseTargets(custom({ release: 2, bundles: [bundle] }))),
    'accepted',
  )
  t.equal(
    ending(() => parseTargets(custom({ later: { a: 1 } }))),
    'accepted',
    'a later addition',
  )
  t.end()
})

t.test('snapshot and timestamp name one file, with length and SHA-256', (t) => {
  const { online } = repository
  const snapshot = repository.file('1.snapshot.json')
  const meta = (change: (reference: Record<string, unknown>) => void) =>
    forge(snapshot, online, (signed) => change((signed['meta'] as Members)['targets.json'] ?? {}))
  const vectors: readonly (readonly [string, Uint8Array])[] = [
    ['no length', meta((it) => delete it['length'])],
    ['no hashes', meta((it) => delete it['hashes'])],
    ['MD5 only', meta((it) => (it['hashes'] = { md5: '0'.repeat(32) }))],
    ['a length beyond the limit', meta((it) => (it['length'] = 10 ** 7))],
    ['version 0', meta((it) => (it['version'] = 0))],
    [
      'a second file',
      forge(snapshot, online, (signed) => {
        const all = signed['meta'] as Members
        all['../../x.json'] = { ...all['targets.json'] }
      }),
    ],
    ['no file', forge(snapshot, online, (signed) => (signed['meta'] = {}))],
  ]
  for (const [name, file] of vectors) {
    t.equal(
      ending(() => parseSnapshot(file)),
      'LW_FORMAT_DOCUMENT',
      name,
    )
  }
  const timestamp = repository.file('timestamp.json')
  const issued = (text: unknown) => forge(timestamp, online, (signed) => (signed['issued'] = text))
  const late = timeText(start + 8 * 86_400_000)
  t.equal(
    ending(() => parseTimestamp(issued(late))),
    'LW_FORMAT_DOCUMENT',
    'issued after its end',
  )
  t.equal(
    ending(() => parseTimestamp(issued('now'))),
    'LW_FORMAT_DOCUMENT',
    'issued now',
  )
  t.equal(
    ending(() => parseTimestamp(issued(timeText(start - 1000)))),
    'accepted',
  )
  t.end()
})

// RFC 8032 arithmetic in its plainest form, to make hostile points and scalars independently.
const p = 2n ** 255n - 19n
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (a: bigint) => ((a % p) + p) % p
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) {
    if ((e & 1n) === 1n) result = mod(result * b)
  }
  return result
}
const inverse = (a: bigint) => power(a, p - 2n)
const d = mod(-121665n * inverse(121666n))
type Point = readonly [bigint, bigint]
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const k = mod(d * x1 * x2 * y1 * y2)
  return [mod((x1 * y2 + x2 * y1) * inverse(1n + k)), mod((y1 * y2 + x1 * x2) * inverse(1n - k))]
}
function times(n: bigint, point: Point): Point {
  let result: Point = [0n, 1n]
  for (let e = n, b = point; e > 0n; e >>= 1n, b = add(b, b)) {
    if ((e & 1n) === 1n) result = add(result, b)
  }
  return result
}
function pointOf(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n))
  let x = power(square, (p + 3n) / 8n)
  if (mod(x * x) !== square) x = mod(x * power(2n, (p - 1n) / 4n))
  return mod(x * x) === square ? [x, y] : undefined
}
function little(n: bigint): Buffer {
  return Buffer.from(n.toString(16).padStart(64, '0'), 'hex').reverse()
}
const fromLittle = (bytes: Uint8Array) =>
  BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)

/** The y of all points whose order divides 8, found by clearing the large factor of many points. */
function smallOrderYs(): ReadonlySet<bigint> {
  const found = new Set<bigint>()
  for (let y = 2n; found.size < 5; y++) {
    const point = pointOf(y)
    if (point === undefined) continue
    const small = times(groupOrder, point)
    for (let k = 0n; k < 8n; k++) found.add(times(k, small)[1])
  }
  return found
}

t.test('S28: keys of small order and in other encodings are refused', (t) => {
  const ys = smallOrderYs()
  t.equal(ys.size, 5)
  const refused = (raw: Uint8Array) => ending(() => publicKeyFromBytes(raw))
  const sign = 1n << 255n
  for (const y of ys) {
    for (const encoded of [y, y + sign]) {
      t.equal(refused(little(encoded)), 'LW_TRUST_KEY_UNUSABLE', encoded.toString(16))
    }
    if (y + p < sign) {
      t.equal(refused(little(y + p)), 'LW_TRUST_KEY_UNUSABLE', 'as y + p')
      t.equal(refused(little(y + p + sign)), 'LW_TRUST_KEY_UNUSABLE', 'as y + p with a sign')
    }
  }
  for (let y = p; y < sign; y++) {
    t.equal(refused(little(y)), 'LW_TRUST_KEY_UNUSABLE', `p + ${y - p}`)
  }
  for (const length of [0, 31, 33])
    t.equal(refused(Buffer.alloc(length, 9)), 'LW_TRUST_KEY_UNUSABLE')
  for (const hex of ['', 'zz', 'A'.repeat(64), 7, null]) {
    t.equal(
      ending(() => publicKeyFromHex(hex)),
      'LW_TRUST_KEY_UNUSABLE',
    )
  }
  for (const spki of ['', 'AAAA', 'MCowBQYDK2VwAyEA', 'not base64!']) {
    t.equal(
      ending(() => publicKeyFromSpki(spki)),
      'LW_TRUST_KEY_UNUSABLE',
    )
  }
  t.equal(refused(Buffer.from(generateKeyPair().hex, 'hex')), 'accepted')
  t.end()
})

t.test('S28: no second form of a signature is accepted', (t) => {
  const key = generateKeyPair()
  const bytes = Buffer.from('signed')
  const signature = Buffer.from(sign(null, bytes, key.privateKey))
  t.ok(isSignatureOf(key, bytes, signature))
  const R = signature.subarray(0, 32)
  const S = fromLittle(signature.subarray(32))
  for (let k = 1n; S + k * groupOrder < 2n ** 256n; k++) {
    const forged = Buffer.concat([R, little(S + k * groupOrder)])
    t.notOk(isSignatureOf(key, bytes, forged), `S + ${k} L`)
  }
  t.notOk(isSignatureOf(key, bytes, Buffer.concat([R, little(groupOrder)])), 'S = L')
  for (const length of [0, 1, 32, 63])
    t.notOk(isSignatureOf(key, bytes, signature.subarray(0, length)))
  t.notOk(isSignatureOf(key, bytes, Buffer.concat([signature, Buffer.alloc(1)])), 'a byte too many')
  for (const y of smallOrderYs()) {
    t.notOk(
      isSignatureOf(key, bytes, Buffer.concat([little(y), Buffer.alloc(32)])),
      'R of small order',
    )
    t.notOk(isSignatureOf(key, bytes, Buffer.concat([little(y), signature.subarray(32)])))
  }
  const flipped = Buffer.from(signature)
  flipped[31] = (flipped[31] ?? 0) ^ 0x80
  t.notOk(isSignatureOf(key, bytes, flipped), 'the sign of R')
  t.end()
})

const anyRelease: fc.Arbitrary<ReleaseTarget> = fc
  .record({
    release: fc.integer({ min: 2, max: 2 ** 40 }),
    bytes: fc.integer({ min: 1, max: 1_000_000 }),
    entries: fc.integer({ min: 0, max: 1_000_000 }),
    totalBytes: fc.integer({ min: 1000, max: 2 ** 45 }),
    largestFileBytes: fc.integer({ min: 0, max: 1000 }),
    label: fc.option(
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
        .filter((text) => text.length <= 64),
      { nil: undefined },
    ),
    minimum: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
    over: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }),
    ended: fc.boolean(),
    bundles: fc.option(fc.array(fc.integer({ min: 1, max: 10 ** 6 }), { maxLength: 4 }), {
      nil: undefined,
    }),
  })
  .map(({ label, minimum, over, ended, bundles, ...rest }) => ({
    sha256: digestOf(String(rest.bytes)),
    ...rest,
    ...(label !== undefined && { label }),
    ...(minimum !== undefined && { minimum }),
    ...(over !== undefined && { rollout: { from: timeText(start + over), over } }),
    ...(ended && { ended: true as const }),
    ...(bundles !== undefined && {
      bundles: bundles.map((bytes) => ({ from: 1, sha256: digestOf('x'), bytes, format: 'b-1' })),
    }),
  }))

t.test('what is written of a release is read again, and verifies', (t) => {
  const { channelId, publisher } = repository
  const authority = parseRoot(repository.file('1.root.json')).view.roles.targets
  fc.assert(
    fc.property(anyRelease, fc.integer({ min: 1 }), (manifest, version) => {
      const expires = timeText(start)
      const signers = [publisher]
      const bytes = createTargets({ version, channelId, manifest, expires, signers })
      const file = parseTargets(bytes)
      verifySignatures(file, [authority])
      t.same(file.view.head, manifest)
      t.same(file.view.version, version)
    }),
    { numRuns: 100 },
  )
  t.end()
})

t.test('a signature is added to any role and to nothing else', (t) => {
  const key = generateKeyPair()
  for (const name of ['1.root.json', '1.targets.json', '1.snapshot.json', 'timestamp.json']) {
    const signed = addSignature(repository.file(name), key)
    const { signatures } = JSON.parse(Buffer.from(signed).toString()) as AnyFile
    t.equal(signatures.length, 2, name)
  }
  for (const text of ['{}', '[]', 'null', '{"signed":{"_type":"mirrors"}}', '{"signed":null}']) {
    t.equal(
      ending(() => addSignature(Buffer.from(text), key)),
      'LW_FORMAT_DOCUMENT',
      text,
    )
  }
  t.end()
})

t.test('programmer mistakes are TypeErrors, missing signers are named', (t) => {
  const { channelId, online } = repository
  const common = {
    version: 1,
    channelId,
    snapshot: repository.file('1.snapshot.json'),
    signer: online,
  }
  const issued = timeText(start)
  t.throws(() => createTimestamp({ ...common, issued, expires: 'tomorrow' }), TypeError)
  const targets = {
    version: 1,
    channelId,
    manifest: releaseTarget(1),
    expires: issued,
    signers: [],
  }
  t.throws(() => createTargets(targets), { code: 'LW_TRUST_KEYS_MISSING' })
  t.end()
})
