// The same repositories, written by our makers, before our client and before tuf-js: both must say
// yes to what is sound and no to what is not. Where they differ by design, the difference is listed.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Updater } from 'tuf-js'
import { canonicalJson, digestOf } from '../../protocol/index.ts'
import {
  type TrustClient,
  addSignature,
  createTrustClient,
  encodeTrustState,
  generateKeyPair,
  parseTrustState,
  timeText,
} from '../../trust/index.ts'
import { type TestRepository, createRepository, dayMs } from '../unit/trust-repository.ts'

// tuf-js reads the machine's clock, so the repositories live in its present.
const present = Math.floor(Date.now() / 1000) * 1000

let served: ReadonlyMap<string, Uint8Array> = new Map()
let server: Server
let base: string

t.before(async () => {
  server = createServer((request, response) => {
    const bytes = served.get((request.url ?? '').slice(1))
    response.statusCode = bytes === undefined ? 404 : 200
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

t.teardown(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

type Verdict = 'accepts' | 'refuses'

/** A subscriber on each side, both with the channel's first root and a memory of their own. */
interface Pair {
  readonly ours: TrustClient
  readonly directory: string
  judge(repository: TestRepository): Promise<{ readonly ours: Verdict; readonly theirs: Verdict }>
  close(): void
}

function createPair(repository: TestRepository): Pair {
  const directory = mkdtempSync(path.join(tmpdir(), 'longwave-oracle-'))
  writeFileSync(path.join(directory, 'root.json'), repository.file('1.root.json'))
  const ours = createTrustClient({
    state: undefined,
    channelId: repository.channelId,
    firstUse: 'pinned',
    clock: { now: () => present },
  })
  return {
    ours,
    directory,
    async judge(source) {
      served = source.files
      return {
        ours: await verdict(ours.refresh(source.source)),
        theirs: await verdict(askThem(directory)),
      }
    },
    close: () => rmSync(directory, { recursive: true }),
  }
}

async function askThem(metadataDir: string): Promise<void> {
  const updater = new Updater({
    metadataDir,
    metadataBaseUrl: base,
    config: { fetchRetries: 0, rootMaxLength: 65536 },
  })
  await updater.refresh()
  if ((await updater.getTargetInfo('manifest')) === undefined) throw new TypeError('no manifest')
}

async function verdict(work: Promise<unknown>): Promise<Verdict> {
  return work.then(
    () => 'accepts',
    () => 'refuses',
  )
}

function edit(bytes: Uint8Array, change: (json: AnyFile) => void): Uint8Array {
  const json = JSON.parse(Buffer.from(bytes).toString()) as AnyFile
  change(json)
  return Buffer.from(canonicalJson(json as never))
}

interface AnyFile {
  signatures: { keyid: string; sig: string }[]
  signed: Record<string, unknown>
}

t.test('both accept what is sound', async (t) => {
  const repository = createRepository({ nowMs: present })
  const { recovery, publisher } = repository
  const [recovery2, publisher2, online2] = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
  const pair = createPair(repository)
  const steps: readonly (readonly [string, () => void])[] = [
    ['the first release', () => undefined],
    ['nothing new', () => undefined],
    ['a second release', () => repository.publish({ label: 'zwei "2" \\ ü 🎈' })],
    ['signed again', () => repository.renew()],
    ['a release with all that can be said', () => repository.publish(everything(repository))],
    [
      'a new recovery key',
      () => repository.rotate({ recoveryKeys: [recovery2] }, [recovery, recovery2]),
    ],
    [
      'a second publisher key, both needed',
      () => {
        const targetsKeys = [publisher, publisher2]
        repository.rotate({ targetsKeys, targetsThreshold: 2 }, [recovery2])
        repository.publish({}, { signers: targetsKeys })
      },
    ],
    [
      'one publisher key gone',
      () => {
        repository.rotate({ targetsKeys: [publisher2], targetsThreshold: 1 }, [recovery2])
        repository.publish({}, { signers: [publisher2] })
      },
    ],
    [
      'a new online key',
      () => {
        repository.rotate({ onlineKeys: [online2] }, [recovery2])
        repository.publish({}, { signers: [publisher2], online: online2 })
      },
    ],
    [
      'the last release',
      () => repository.publish({ ended: true }, { signers: [publisher2], online: online2 }),
    ],
  ]
  for (const [name, step] of steps) {
    step()
    t.same(await pair.judge(repository), { ours: 'accepts', theirs: 'accepts' }, name)
  }
  const fresh = createPair(repository)
  t.same(await fresh.judge(repository), { ours: 'accepts', theirs: 'accepts' }, 'a newcomer')
  pair.close()
  fresh.close()
})

function everything(repository: TestRepository) {
  return {
    label: '3.0',
    minimum: 2,
    rollout: { from: timeText(present), over: 3600 },
    bundles: [{ from: 1, sha256: repository.channelId, bytes: 12, format: 'longwave-bundle-1' }],
  }
}

/** A change to a repository that has published a second release. */
type Attack = (repository: TestRepository) => void

function replace(
  name: string,
  change: (bytes: Uint8Array, it: TestRepository) => Uint8Array,
): Attack {
  return (it) => it.files.set(name, change(it.file(name), it))
}

const unsigned = (bytes: Uint8Array) => edit(bytes, (file) => (file.signatures = []))
const stranger = generateKeyPair()
const foreign = (bytes: Uint8Array) => addSignature(unsigned(bytes), stranger)
const padded = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc(600_000, 0x20)])

/** Signs a changed timestamp with the online key. */
function resign(
  bytes: Uint8Array,
  it: TestRepository,
  change: (file: AnyFile) => void,
): Uint8Array {
  const changed = edit(bytes, (file) => {
    file.signatures = []
    change(file)
  })
  return addSignature(changed, it.online)
}

function vouch(it: TestRepository, name: string, version = Number(name.split('.')[0])): void {
  const bytes = it.file(name)
  const meta = { hashes: { sha256: digestOf(bytes) }, length: bytes.byteLength, version }
  replace('timestamp.json', (timestamp) =>
    resign(timestamp, it, (file) => {
      file.signed['meta'] = { 'snapshot.json': meta }
      file.signed['version'] = 9
    }),
  )(it)
}

const attacks: readonly (readonly [name: string, attack: Attack])[] = [
  ['S1: unsigned timestamp', replace('timestamp.json', unsigned)],
  ['S1: timestamp of a stranger', replace('timestamp.json', foreign)],
  [
    'S1: timestamp changed after signing',
    replace('timestamp.json', (bytes) => edit(bytes, (file) => (file.signed['version'] = 9))),
  ],
  [
    'S1: unsigned snapshot that the timestamp vouches for',
    (it) => {
      replace('2.snapshot.json', unsigned)(it)
      vouch(it, '2.snapshot.json')
    },
  ],
  ['S1: unsigned targets that the snapshot vouches for', (it) => hideAndRenew(it, unsigned)],
  ['S1: targets of a stranger', (it) => hideAndRenew(it, foreign)],
  ['S1: unsigned root', (it) => rotated(it, unsigned)],
  ['S1: root of a stranger', (it) => rotated(it, foreign)],
  [
    'S12: a root that skips a version',
    (it) => {
      rotated(it, (bytes) => bytes)
      rotated(it, (bytes) => bytes)
      it.files.set('2.root.json', it.file('3.root.json'))
    },
  ],
  ['S2: older snapshot in a newer timestamp', (it) => vouch(it, '1.snapshot.json')],
  [
    'S2: older targets in a newer snapshot',
    (it) => {
      it.files.delete('2.targets.json')
      it.renew()
    },
  ],
  [
    'S4: expired timestamp',
    (it) => {
      it.nowMs = present - 8 * dayMs
      it.renew()
    },
  ],
  ['S4: expired targets', (it) => it.publish({}, { expires: timeText(present - dayMs) })],
  ['S4: expired root', (it) => it.rotate({}, [it.recovery], timeText(present - dayMs))],
  [
    'S5: older snapshot under the newer name',
    (it) => {
      it.files.set('2.snapshot.json', it.file('1.snapshot.json'))
    },
  ],
  [
    'S5: older targets under the newer name',
    (it) => {
      it.files.set('2.targets.json', it.file('1.targets.json'))
    },
  ],
  ['S6: endless timestamp', replace('timestamp.json', padded)],
  ['S6: endless root', (it) => rotated(it, padded)],
  ['S6: endless targets', replace('2.targets.json', padded)],
  ['no timestamp', (it) => it.files.delete('timestamp.json')],
  ['no snapshot', (it) => it.files.delete('2.snapshot.json')],
  ['no targets', (it) => it.files.delete('2.targets.json')],
  ['S16: not JSON', replace('timestamp.json', () => Buffer.from('{"signed":'))],
  ['S16: another role', replace('timestamp.json', (_bytes, it) => it.file('2.snapshot.json'))],
  ['threshold 0', (it) => rotated(it, (bytes) => withRoles(bytes, it, { threshold: 0 }))],
]

function hideAndRenew(it: TestRepository, change: (bytes: Uint8Array) => Uint8Array): void {
  replace('2.targets.json', change)(it)
  it.renew()
}

function rotated(it: TestRepository, change: (bytes: Uint8Array) => Uint8Array): void {
  it.rotate({}, [it.recovery])
  for (let version = 2; ; version++) {
    if (it.files.has(`${version + 1}.root.json`)) continue
    replace(`${version}.root.json`, change)(it)
    return
  }
}

function withRoles(bytes: Uint8Array, it: TestRepository, change: object): Uint8Array {
  const changed = edit(bytes, (file) => {
    file.signatures = []
    const roles = file.signed['roles'] as Record<string, object>
    roles['targets'] = { ...roles['targets'], ...change }
  })
  // Our tools refuse to sign it, so the key signs what the file says by itself.
  const signed = Buffer.from(
    canonicalJson((JSON.parse(changed.toString()) as AnyFile).signed as never),
  )
  const sig = Buffer.from(it.recovery.sign(signed)).toString('hex')
  return edit(changed, (file) => (file.signatures = [{ keyid: it.recovery.keyId, sig }]))
}

t.test('both refuse what is not', async (t) => {
  for (const [name, attack] of attacks) {
    const repository = createRepository({ nowMs: present })
    const pair = createPair(repository)
    await pair.judge(repository)
    repository.publish()
    if (name.startsWith('S2')) await pair.judge(repository)
    attack(repository)
    t.same(await pair.judge(repository), { ours: 'refuses', theirs: 'refuses' }, name)
    pair.close()
  }
})

t.test('S2: both refuse an older timestamp, also after a restart', async (t) => {
  const repository = createRepository({ nowMs: present })
  const old = repository.fork()
  const pair = createPair(repository)
  repository.publish()
  t.same(await pair.judge(repository), { ours: 'accepts', theirs: 'accepts' })
  t.same(await pair.judge(old), { ours: 'refuses', theirs: 'refuses' })
  t.same(await pair.judge(old), { ours: 'refuses', theirs: 'refuses' })
  pair.close()
})

/** Where the two differ by design; docs/security.md gives the reasons. */
const differences: readonly (readonly [name: string, attack: Attack, ours: Verdict])[] = [
  [
    'a sound file with one more signature, of a stranger',
    replace('timestamp.json', (bytes) => addSignature(bytes, stranger)),
    'refuses',
  ],
  [
    'an unknown member beside the signatures',
    replace('timestamp.json', (bytes) => edit(bytes, (file) => Object.assign(file, { more: 1 }))),
    'refuses',
  ],
  [
    'an MD5 digest beside the SHA-256 one',
    replace('timestamp.json', (bytes, it) => {
      const md5 = createHash('md5').update(it.file('2.snapshot.json')).digest('hex')
      return resign(bytes, it, (file) => {
        const meta = file.signed['meta'] as { 'snapshot.json': { hashes: object } }
        Object.assign(meta['snapshot.json'].hashes, { md5 })
        file.signed['version'] = 9
      })
    }),
    'refuses',
  ],
  [
    'the same JSON in other bytes',
    replace('timestamp.json', (bytes) => Buffer.concat([Buffer.from(' '), bytes])),
    'refuses',
  ],
  [
    'a duplicate member, which parsers read differently',
    replace('timestamp.json', (bytes) =>
      Buffer.from(bytes.toString().replace('"signed":{', '"signed":{"version":1,')),
    ),
    'refuses',
  ],
  [
    'targets of another channel with the same keys',
    (it) => {
      it.publish({}, { channelId: digestOf('another') })
    },
    'refuses',
  ],
  ['a lower release in newer targets', (it) => it.publish({ release: 1 }), 'refuses'],
  [
    'another manifest under the same release',
    (it) => {
      it.publish({ release: 2, sha256: digestOf('another') })
    },
    'refuses',
  ],
  [
    'one key in two offices',
    (it) => {
      it.rotate({}, [it.recovery])
      replace('2.root.json', (bytes) =>
        withRoles(bytes, it, { keyids: [it.publisher.keyId, it.recovery.keyId] }),
      )(it)
    },
    'refuses',
  ],
  [
    'targets versions that a thief of the publisher key drove up, after its rotation',
    (it) => {
      const publisher = generateKeyPair()
      it.rotate({ targetsKeys: [publisher] }, [it.recovery])
      it.publish({ release: 3 }, { version: 3, signers: [publisher] })
    },
    'accepts',
  ],
]

t.test('both differ where it is meant so', async (t) => {
  for (const [name, attack, ours] of differences) {
    const repository = createRepository({ nowMs: present })
    const pair = createPair(repository)
    repository.publish()
    if (name.includes('drove up')) {
      const thief = repository.fork()
      thief.publish({ release: 9000 }, { version: 9000 })
      await pair.judge(thief)
      // The honest transmitter's online files go on above those of the thief.
      repository.renew()
      repository.renew()
    } else await pair.judge(repository)
    attack(repository)
    const theirs = ours === 'accepts' ? 'refuses' : 'accepts'
    t.same(await pair.judge(repository), { ours, theirs }, name)
    pair.close()
  }
})

t.test('the oracle reads from our files what we read', async (t) => {
  const repository = createRepository({ nowMs: present })
  repository.publish(everything(repository))
  const directory = mkdtempSync(path.join(tmpdir(), 'longwave-oracle-'))
  writeFileSync(path.join(directory, 'root.json'), repository.file('1.root.json'))
  served = repository.files
  const updater = new Updater({ metadataDir: directory, metadataBaseUrl: base })
  await updater.refresh()
  const target = await updater.getTargetInfo('manifest')
  const pair = createPair(repository)
  const { head } = await pair.ours.refresh(repository.source)
  pair.close()
  const { sha256, bytes, ...custom } = head
  t.equal(target?.length, bytes)
  t.same(target?.hashes, { sha256 })
  t.same(target?.custom, custom)
  rmSync(directory, { recursive: true })
})

t.test('damaged local files are passed over there and refused here', async (t) => {
  const repository = createRepository({ nowMs: present })
  const pair = createPair(repository)
  const old = repository.fork()
  repository.publish()
  t.same(await pair.judge(repository), { ours: 'accepts', theirs: 'accepts' })
  const state = pair.ours.state
  if (state === undefined) throw new TypeError('no state')
  const damaged = encodeTrustState(state).subarray(0, 500)
  t.throws(() => parseTrustState(damaged), { code: 'LW_TRUST_STATE_DAMAGED' })
  for (const name of ['timestamp.json', 'snapshot.json', 'targets.json']) {
    writeFileSync(path.join(pair.directory, name), '')
  }
  const verdicts = await pair.judge(old)
  t.same(verdicts, { ours: 'refuses', theirs: 'accepts' }, 'they forget what was newer')
  pair.close()
})
