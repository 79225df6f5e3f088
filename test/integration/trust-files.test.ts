// Keys and trust states as files: modes, moves, bundles, damage.
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { digestOf, parseChannelName } from '../../protocol/index.ts'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import {
  type KeyScope,
  createKeyRing,
  createTrustClient,
  encodePrivateKey,
  generateKeyPair,
  isSignatureOf,
  loadTrustState,
  parsePrivateKey,
  saveTrustState,
} from '../../trust/index.ts'
import { createRepository, start } from '../unit/trust-repository.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'longwave-trust-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function newRing() {
  const directory = path.join(folder, `keys-${count++}`)
  return { directory, ring: createKeyRing({ directory, fileSystem: nodeFileSystem }) }
}

const passphrase = 'ein langes Geheimnis ü'
const name = parseChannelName('news')
const scope: KeyScope = { channelId: digestOf('channel') }

t.test('a private key is PKCS#8, open or under a passphrase', (t) => {
  const pair = generateKeyPair()
  const plain = encodePrivateKey(pair)
  const closed = encodePrivateKey(pair, passphrase)
  t.equal(parsePrivateKey(plain).keyId, pair.keyId)
  t.equal(parsePrivateKey(closed, passphrase).keyId, pair.keyId)
  const bytes = Buffer.from('x')
  t.ok(isSignatureOf(pair, bytes, parsePrivateKey(plain).sign(bytes)))
  t.throws(() => parsePrivateKey(closed), { code: 'LW_TRUST_PASSPHRASE' })
  t.throws(() => parsePrivateKey(closed, 'falsch'), { code: 'LW_TRUST_PASSPHRASE' })
  t.throws(() => encodePrivateKey(pair, ''), { code: 'LW_TRUST_PASSPHRASE' })
  const { privateKey } = generateKeyPairSync('x25519')
  const wrongType = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const text of ['', 'x', plain.replace(/.{20}/, ''), wrongType]) {
    t.throws(() => parsePrivateKey(text), { code: 'LW_TRUST_KEY_UNUSABLE' })
  }
  t.end()
})

const openssl = spawnSync('openssl', ['version'])
const isMissing = openssl.status !== 0 && process.env['LONGWAVE_CI'] !== '1'

t.test('openssl reads our keys, and we read its', { skip: isMissing && 'no openssl' }, (t) => {
  const pair = generateKeyPair()
  const input = encodePrivateKey(pair, passphrase)
  const arguments_ = ['pkey', '-passin', `pass:${passphrase}`, '-noout', '-text_pub']
  const read = spawnSync('openssl', arguments_, { input })
  const hex = read.stdout.toString().replace(/[^0-9a-f]/g, '')
  t.ok(hex.endsWith(pair.hex), 'openssl opens it and finds the same public key')
  const make = ['genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:y']
  const made = spawnSync('openssl', make).stdout.toString()
  t.equal(parsePrivateKey(made, 'y').hex.length, 64, 'a key that openssl made is read')
  t.end()
})

t.test('S42: keys are 0600 in folders 0700, whatever the umask is', async (t) => {
  for (const umask of [0o000, 0o022, 0o077, 0o177]) {
    const before = process.umask(umask)
    const { directory, ring } = newRing()
    let stored: string
    try {
      stored = (await ring.add(scope, 'root', generateKeyPair())).path
    } finally {
      process.umask(before)
    }
    t.equal(statSync(stored).mode & 0o777, 0o600, `umask ${umask.toString(8)}`)
    for (let at = path.dirname(stored); at !== path.dirname(directory); at = path.dirname(at)) {
      t.equal(statSync(at).mode & 0o777, 0o700, path.relative(folder, at))
    }
    t.same(readdirSync(path.dirname(stored)), [path.basename(stored)], 'nothing else is left')
  }
})

t.test('a ring lists, loads, keeps apart and forgets nothing silently', async (t) => {
  const { ring } = newRing()
  t.same(await ring.list(), [])
  await t.rejects(ring.load(scope, 'targets'), {
    code: 'LW_TRUST_KEYS_MISSING',
    next: /key import/,
  })
  const [recovery, publisher, second] = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
  await ring.add(scope, 'targets', publisher)
  await ring.add(scope, 'root', recovery, 'geheim')
  await ring.add({ name }, 'targets', second)
  t.match(await ring.list(scope), [
    { role: 'root', key: { keyId: recovery.keyId }, isEncrypted: true },
    { role: 'targets', key: { keyId: publisher.keyId }, isEncrypted: false },
  ])
  t.equal((await ring.list()).length, 3)
  t.equal((await ring.load(scope, 'targets'))[0]?.keyId, publisher.keyId)
  t.equal((await ring.load(scope, 'root', 'geheim'))[0]?.keyId, recovery.keyId)
  await t.rejects(ring.load(scope, 'root'), { code: 'LW_TRUST_PASSPHRASE' })
  await t.rejects(ring.load(scope, 'root', 'x'), { code: 'LW_TRUST_PASSPHRASE' })
  const again = await ring.add(scope, 'root', recovery)
  t.equal(again.isEncrypted, true, 'a key that is there stays as it is')
  t.equal(await ring.remove(scope, publisher.keyId), true)
  t.equal(await ring.remove(scope, publisher.keyId), false)
  t.equal((await ring.list(scope)).length, 1)
})

t.test('keys made for a name move to the channel that got its id, also twice', async (t) => {
  const { directory, ring } = newRing()
  await ring.assign(name, digestOf('channel'))
  const [recovery, publisher] = [generateKeyPair(), generateKeyPair()]
  await ring.add({ name }, 'root', recovery)
  await ring.add({ name }, 'targets', publisher)
  await ring.assign(name, digestOf('channel'))
  await ring.assign(name, digestOf('channel'))
  t.same(await ring.list({ name }), [])
  t.equal((await ring.list(scope)).length, 2)
  t.notOk(existsSync(path.join(directory, 'names', name)))
})

t.test('a key file that is exposed, exchanged or damaged is refused', async (t) => {
  const { ring } = newRing()
  const pair = generateKeyPair()
  const { path: file } = await ring.add(scope, 'targets', pair)
  chmodSync(file, 0o640)
  await t.rejects(ring.load(scope, 'targets'), {
    code: 'LW_TRUST_KEYS_EXPOSED',
    next: /chmod 600/,
  })
  chmodSync(file, 0o600)
  const text = readFileSync(file, 'utf8')
  const other = encodePrivateKey(generateKeyPair())
  writeFileSync(file, text.replace(/-----BEGIN PRIVATE[\s\S]*END PRIVATE KEY-----\n/, other))
  await t.rejects(ring.load(scope, 'targets'), { code: 'LW_TRUST_KEY_UNUSABLE' }, 'exchanged')
  writeFileSync(file, text.slice(0, 100))
  await t.rejects(ring.load(scope, 'targets'), { code: 'LW_TRUST_KEY_UNUSABLE' }, 'cut')
  writeFileSync(file, '')
  await t.rejects(ring.list(), { code: 'LW_TRUST_KEY_UNUSABLE' }, 'empty')
})

t.test('a bundle takes keys to another machine, whole or only to publish', async (t) => {
  const { ring } = newRing()
  const [recovery, publisher] = [generateKeyPair(), generateKeyPair()]
  await ring.add(scope, 'root', recovery, 'zuhause')
  await ring.add(scope, 'targets', publisher)

  const backup = await ring.export(scope, { unlock: 'zuhause', passphrase: 'unterwegs' })
  t.notOk(Buffer.from(backup).includes('BEGIN PRIVATE KEY'), 'nothing of it is open')
  const home = newRing()
  await t.rejects(home.ring.import(backup, { passphrase: 'falsch' }), {
    code: 'LW_TRUST_PASSPHRASE',
  })
  t.same(await home.ring.list(), [], 'nothing is written of a bundle that does not open')
  await home.ring.import(backup, { passphrase: 'unterwegs', storedAs: { passphrase: 'neu' } })
  t.equal((await home.ring.load(scope, 'root', 'neu'))[0]?.keyId, recovery.keyId)

  const forBuild = await ring.export(scope, { roles: ['targets'] })
  t.notOk(Buffer.from(forBuild).includes('\n'), 'one line, for a secret of a build server')
  const build = newRing()
  await build.ring.import(Buffer.concat([forBuild, Buffer.from('\n')]))
  t.equal((await build.ring.list()).length, 1)
  t.equal((await build.ring.load(scope, 'targets'))[0]?.keyId, publisher.keyId)
  await t.rejects(build.ring.load(scope, 'root'), { code: 'LW_TRUST_KEYS_MISSING' })

  const asIs = await ring.export(scope)
  const copy = newRing()
  await copy.ring.import(asIs, { scope: { name } })
  t.equal((await copy.ring.load({ name }, 'root', 'zuhause'))[0]?.keyId, recovery.keyId)
  const open = newRing()
  await open.ring.import(asIs, { passphrase: 'zuhause', storedAs: 'open' })
  t.equal((await open.ring.load(scope, 'root'))[0]?.keyId, recovery.keyId)

  await t.rejects(ring.export({ name }), { code: 'LW_TRUST_KEYS_MISSING' })
  const forged = [
    '{}',
    '{"format":"longwave-keys-1","keys":[],"name":"../x"}',
    '{"channel":"x","format":"longwave-keys-1","keys":[]}',
    '{"format":"longwave-keys-2","keys":[],"name":"news"}',
    '{"format":"longwave-keys-1","keys":[{"pem":"","role":"../x"}],"name":"news"}',
  ]
  for (const text of forged) {
    await t.rejects(ring.import(Buffer.from(text)), { code: 'LW_FORMAT_DOCUMENT' }, text)
  }
})

t.test('a trust state is saved and loaded; lost or damaged it is refused', async (t) => {
  const repository = createRepository()
  const file = path.join(folder, 'trust.json')
  t.equal(await loadTrustState(nodeFileSystem, file), undefined)
  await t.rejects(loadTrustState(nodeFileSystem, file, { mustExist: true }), {
    code: 'LW_TRUST_STATE_DAMAGED',
  })
  const client = createTrustClient({
    state: undefined,
    channelId: repository.channelId,
    firstUse: 'pinned',
    clock: { now: () => start },
    persist: (state) => saveTrustState(nodeFileSystem, file, state),
  })
  const { state } = await client.refresh(repository.source)
  const loaded = await loadTrustState(nodeFileSystem, file)
  t.same(loaded, state)
  t.equal(statSync(file).mode & 0o777, 0o600)
  writeFileSync(file, readFileSync(file).subarray(0, 1000))
  await t.rejects(loadTrustState(nodeFileSystem, file), {
    code: 'LW_TRUST_STATE_DAMAGED',
    exit: 13,
  })
  writeFileSync(file, '')
  await t.rejects(loadTrustState(nodeFileSystem, file), { code: 'LW_TRUST_STATE_DAMAGED' })
  writeFileSync(file, Buffer.alloc(3 * 1024 * 1024, 0x20))
  await t.rejects(
    loadTrustState(nodeFileSystem, file),
    { code: 'LW_TRUST_STATE_DAMAGED' },
    'too large',
  )
})
