import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  type KeyPair,
  type RootOffices,
  type TrustState,
  addSignature,
  channelIdOf,
  createRoot,
  createTargets,
  createTrustClient,
  generateKeyPair,
  lifetimesMs,
  nextRoot,
  renewOnline,
  timeText,
  verifyCommit,
} from '../../trust/index.ts'
import { releaseTarget, start } from './trust-repository.ts'

/** Keys by number, the same ones in every case. */
const keys = Array.from({ length: 8 }, () => generateKeyPair())
const targetsKeys = Array.from({ length: 8 }, () => generateKeyPair())
const onlineKeys = Array.from({ length: 3 }, () => generateKeyPair())
const expires = timeText(start + lifetimesMs.root)

function pick(from: readonly KeyPair[], numbers: readonly number[]): KeyPair[] {
  return numbers.map((number) => {
    const key = from[number]
    if (key === undefined) throw new TypeError(`no key ${number}`)
    return key
  })
}

/** One root: which keys are in office, how many must sign, which do. */
type Step = readonly [offices: readonly number[], threshold: number, signers: readonly number[]]

function chain(steps: readonly Step[]): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  let previous: Uint8Array | undefined
  for (const [index, [offices, rootThreshold, signers]] of steps.entries()) {
    const changes = { recoveryKeys: pick(keys, offices), rootThreshold }
    previous =
      previous === undefined
        ? createRoot({
            ...changes,
            targetsKeys: pick(targetsKeys, [0]),
            targetsThreshold: 1,
            onlineKeys: pick(onlineKeys, [0]),
            nonce: new Uint8Array(16),
            expires,
            signers: pick(keys, signers),
          })
        : nextRoot(previous, { changes, expires, signers: pick(keys, signers) })
    files.set(`${index + 1}.root.json`, previous)
  }
  return files
}

/** How far a client gets along a chain of roots, and how it ends. */
async function walk(files: ReadonlyMap<string, Uint8Array>) {
  const kept: TrustState[] = []
  const client = createTrustClient({
    state: undefined,
    channelId: channelIdOf(files.get('1.root.json') ?? new Uint8Array()),
    firstUse: 'pinned',
    clock: { now: () => start },
    persist: async (state) => void kept.push(state),
  })
  let code = 'accepted'
  try {
    await client.refresh({ fetch: async (name) => files.get(name) })
  } catch (error) {
    if (!isLongwaveError(error)) throw error
    // The chain ends where the timestamp would be: that far it was accepted.
    if (error.code !== 'LW_TRUST_METADATA_MISSING') code = error.code
  }
  return { code, root: client.state?.root, kept }
}

const rootCases: readonly (readonly [name: string, steps: readonly Step[], good: number])[] = [
  [
    '1 of 1: a key is replaced',
    [
      [[1], 1, [1]],
      [[2], 1, [1, 2]],
      [[2], 1, [2]],
    ],
    3,
  ],
  [
    '1 of 1: the next root is signed by all hands',
    [
      [[1], 1, [1]],
      [[1, 2], 1, [1, 2]],
    ],
    2,
  ],
  [
    '1 of 1: not signed with the old key',
    [
      [[1], 1, [1]],
      [[2], 1, [2]],
    ],
    1,
  ],
  [
    '1 of 1: not signed with the new key',
    [
      [[1], 1, [1]],
      [[2], 1, [1]],
    ],
    1,
  ],
  [
    '1 of 1: an outsider signs too',
    [
      [[1], 1, [1]],
      [[2], 1, [1, 2, 3]],
    ],
    1,
  ],
  [
    '3 of 5: any three sign',
    [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 2, 3, 4], 3, [0, 4, 1]],
      [[0, 1, 2, 3, 4], 3, [0, 1, 3]],
    ],
    3,
  ],
  [
    '3 of 5: one key is replaced',
    [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 1]],
    ],
    2,
  ],
  [
    '3 of 5: one key is replaced, not signed by three new ones',
    [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 2, 4]],
    ],
    1,
  ],
  [
    '3 of 5: one key is replaced, not signed by three old ones',
    [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
    ],
    1,
  ],
  [
    '3 of 5: two keys are replaced through a step between',
    [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 1]],
      [[0, 1, 3, 5, 6], 3, [0, 1, 3]],
    ],
    3,
  ],
  [
    '2 of 4: all keys are replaced in one step',
    [
      [[0, 1, 2, 3], 2, [0, 1]],
      [[4, 5, 6, 7], 2, [0, 1, 4, 5]],
    ],
    2,
  ],
  [
    'the threshold rises from 1 to 2',
    [
      [[0, 1, 2], 1, [0]],
      [[0, 1, 2], 2, [0, 1]],
    ],
    2,
  ],
  [
    'the threshold rises, and is not reached',
    [
      [[0, 1, 2], 1, [0]],
      [[0, 1, 2], 2, [0]],
    ],
    1,
  ],
  [
    'the threshold falls from 2 to 1',
    [
      [[0, 1, 2], 2, [0, 1]],
      [[0, 1, 2], 1, [0, 2]],
      [[0, 1, 2], 1, [2]],
    ],
    3,
  ],
  [
    'the threshold falls, and the old one is not reached',
    [
      [[0, 1], 2, [0, 1]],
      [[0, 1], 1, [0]],
    ],
    1,
  ],
  ['the first root does not reach its own threshold', [[[0, 1], 2, [0]]], 0],
]

t.test('S12: root chains', async (t) => {
  for (const [name, steps, good] of rootCases) {
    const files = chain(steps)
    const { code, root, kept } = await walk(files)
    t.equal(code, good === steps.length ? 'accepted' : 'LW_TRUST_SIGNATURE', name)
    t.same(root, files.get(`${good}.root.json`), `${name}: the last good root is kept`)
    const wrong = kept.filter((state) => !isAmong(files, state.root, good))
    t.same(wrong, [], `${name}: a refused root was never persisted`)
  }
})

function isAmong(files: ReadonlyMap<string, Uint8Array>, root: Uint8Array, good: number): boolean {
  return Array.from({ length: good }, (_, i) => files.get(`${i + 1}.root.json`)).some(
    (bytes) => bytes !== undefined && Buffer.from(bytes).equals(root),
  )
}

t.test('S12: a root of another version than the next is refused', async (t) => {
  const files = chain([
    [[1], 1, [1]],
    [[1], 1, [1]],
    [[1], 1, [1]],
  ])
  const skipping = new Map(files).set('2.root.json', files.get('3.root.json') ?? new Uint8Array())
  t.equal((await walk(skipping)).code, 'LW_TRUST_ROLLBACK')
  const repeating = new Map(files).set('2.root.json', files.get('1.root.json') ?? new Uint8Array())
  t.equal((await walk(repeating)).code, 'LW_TRUST_ROLLBACK')
})

/** Rotations of the keys below the root: offices before and after, who signs the files after. */
type LowerCase = readonly [
  name: string,
  before: Partial<RootOffices>,
  after: Partial<RootOffices>,
  signs: { readonly targets: readonly number[]; readonly online: number },
  code: string,
]
const five = pick(targetsKeys, [0, 1, 2, 3, 4])
const lowerCases: readonly LowerCase[] = [
  [
    'targets 1 of 1: replaced',
    {},
    { targetsKeys: pick(targetsKeys, [1]) },
    { targets: [1], online: 0 },
    'accepted',
  ],
  [
    'targets 1 of 1: the old key still signs alone',
    {},
    { targetsKeys: pick(targetsKeys, [1]) },
    { targets: [0], online: 0 },
    'LW_TRUST_SIGNATURE',
  ],
  [
    'targets 1 of 1: an outsider signs too',
    {},
    { targetsKeys: pick(targetsKeys, [1]) },
    { targets: [1, 2], online: 0 },
    'LW_TRUST_SIGNATURE',
  ],
  [
    'targets 3 of 5: one replaced, three sign',
    { targetsKeys: five, targetsThreshold: 3 },
    { targetsKeys: pick(targetsKeys, [0, 1, 3, 4, 5]) },
    { targets: [0, 4, 5], online: 0 },
    'accepted',
  ],
  [
    'targets 3 of 5: one replaced, two sign',
    { targetsKeys: five, targetsThreshold: 3 },
    { targetsKeys: pick(targetsKeys, [0, 1, 3, 4, 5]) },
    { targets: [0, 4], online: 0 },
    'LW_TRUST_SIGNATURE',
  ],
  [
    'targets 3 of 5: one replaced, and it signs as the third',
    { targetsKeys: five, targetsThreshold: 3 },
    { targetsKeys: pick(targetsKeys, [0, 1, 3, 4, 5]) },
    { targets: [0, 4, 2], online: 0 },
    'LW_TRUST_SIGNATURE',
  ],
  [
    'targets: the threshold rises and is reached',
    {},
    { targetsKeys: pick(targetsKeys, [0, 1]), targetsThreshold: 2 },
    { targets: [0, 1], online: 0 },
    'accepted',
  ],
  [
    'targets: the threshold rises and is not reached',
    {},
    { targetsKeys: pick(targetsKeys, [0, 1]), targetsThreshold: 2 },
    { targets: [0], online: 0 },
    'LW_TRUST_SIGNATURE',
  ],
  [
    'online: replaced',
    {},
    { onlineKeys: pick(onlineKeys, [1]) },
    { targets: [0], online: 1 },
    'accepted',
  ],
  [
    'online: the old key still signs',
    {},
    { onlineKeys: pick(onlineKeys, [1]) },
    { targets: [0], online: 0 },
    'LW_TRUST_SIGNATURE',
  ],
  [
    'online: a second key beside the first, either signs',
    {},
    { onlineKeys: pick(onlineKeys, [0, 1]) },
    { targets: [0], online: 1 },
    'accepted',
  ],
]

t.test('S12: rotations of publisher and online keys', async (t) => {
  for (const [name, before, after, signs, code] of lowerCases) {
    const offices = {
      recoveryKeys: pick(keys, [0]),
      rootThreshold: 1,
      targetsKeys: pick(targetsKeys, [0]),
      targetsThreshold: 1,
      onlineKeys: pick(onlineKeys, [0]),
      ...before,
    }
    const root = createRoot({ ...offices, nonce: new Uint8Array(16), expires })
    const channelId = channelIdOf(root)
    const files = new Map([['1.root.json', root]])
    const write = (version: number, targetsSigners: readonly KeyPair[], online: KeyPair) => {
      const targets = createTargets({
        version,
        channelId,
        manifest: releaseTarget(version),
        expires,
        signers: targetsSigners,
      })
      const previousTimestamp = files.get('timestamp.json')
      const snapshot = files.get(`${version - 1}.snapshot.json`)
      const pair = renewOnline({
        channelId,
        targets,
        ...(previousTimestamp &&
          snapshot && { previous: { timestamp: previousTimestamp, snapshot } }),
        nowMs: start,
        lifetimeMs: lifetimesMs.online,
        signer: online,
      })
      files.set(`${version}.targets.json`, targets)
      files.set(`${version}.snapshot.json`, pair.snapshot)
      files.set('timestamp.json', pair.timestamp)
    }
    write(
      1,
      pick(targetsKeys, [0, 1, 2].slice(0, offices.targetsThreshold)),
      offices.onlineKeys[0] as KeyPair,
    )
    const client = createTrustClient({
      state: undefined,
      channelId,
      firstUse: 'pinned',
      clock: { now: () => start },
    })
    await client.refresh({ fetch: async (file) => files.get(file) })

    const second = nextRoot(root, { changes: after, expires, signers: pick(keys, [0]) })
    files.set('2.root.json', second)
    write(2, pick(targetsKeys, signs.targets), pick(onlineKeys, [signs.online])[0] as KeyPair)
    const result = await client.refresh({ fetch: async (file) => files.get(file) }).then(
      (outcome) => (outcome.head.release === 2 ? 'accepted' : 'not advanced'),
      (error: unknown) => (isLongwaveError(error) ? error.code : String(error)),
    )
    t.equal(result, code, name)
  }
})

t.test('a transmitter takes only what follows from what it has', (t) => {
  const [recovery, publisher, online] = [keys[0], targetsKeys[0], onlineKeys[0]] as [
    KeyPair,
    KeyPair,
    KeyPair,
  ]
  const root = createRoot({
    recoveryKeys: [recovery],
    rootThreshold: 1,
    targetsKeys: [publisher],
    targetsThreshold: 1,
    onlineKeys: [online],
    nonce: new Uint8Array(16),
    expires,
  })
  const channelId = channelIdOf(root)
  const targets = (version: number, release: number, more = {}) =>
    createTargets({
      version,
      channelId,
      manifest: releaseTarget(release),
      expires,
      signers: [publisher],
      ...more,
    })
  const commit = (bytes: Uint8Array, more = {}) =>
    verifyCommit({ current: base, roots: [], targets: bytes, nowMs: start, ...more })
  const first = verifyCommit({
    current: undefined,
    roots: [root],
    targets: targets(1, 1),
    nowMs: start,
    onlineKeyId: online.keyId,
  })
  t.match(first, { channelId, rootVersion: 1, targetsVersion: 1, isNewRelease: true })
  const base = first
  t.match(commit(targets(2, 2)), { head: { release: 2 }, isNewRelease: true })
  t.match(commit(targets(2, 1)), { head: { release: 1 }, isNewRelease: false }, 'signed again')

  const refused = (code: string, call: () => unknown, name: string) =>
    t.throws(call, { code }, name)
  refused('LW_TRUST_COMMIT_ORDER', () => commit(targets(1, 2)), 'the version of the head')
  refused('LW_TRUST_COMMIT_ORDER', () => commit(targets(3, 2)), 'a version too far')
  refused('LW_TRUST_COMMIT_ORDER', () => commit(targets(2, 3)), 'a release too far')
  const other = { ...releaseTarget(1), sha256: channelId }
  refused(
    'LW_TRUST_RELEASE_CHANGED',
    () => commit(targets(2, 1, { manifest: other })),
    'same number',
  )
  const atTwo = commit(targets(2, 2))
  refused('LW_TRUST_ROLLBACK', () => commit(targets(3, 1), { current: atTwo }), 'a lower release')
  refused(
    'LW_TRUST_SIGNATURE',
    () => commit(targets(2, 2, { signers: [recovery] })),
    'recovery key',
  )
  refused('LW_TRUST_SIGNATURE', () => commit(targets(2, 2, { signers: [online] })), 'online key')
  const stranger = targets(2, 2, { channelId: first.head.sha256 })
  refused('LW_TRUST_WRONG_CHANNEL', () => commit(stranger), 'other channel')
  const ended = targets(2, 2, { expires: timeText(start) })
  refused('LW_TRUST_EXPIRED_TARGETS', () => commit(ended), 'expired targets')
  refused(
    'LW_TRUST_EXPIRED_ROOT',
    () => commit(targets(2, 2), { nowMs: start + 2 * lifetimesMs.root }),
    'root',
  )
  refused(
    'LW_TRUST_ONLINE_KEY',
    () => commit(targets(2, 2), { onlineKeyId: recovery.keyId }),
    'online',
  )
  const none = { current: undefined }
  refused('LW_TRUST_COMMIT_ORDER', () => commit(targets(1, 1), none), 'no root')

  const publisher2 = targetsKeys[1] as KeyPair
  const second = nextRoot(root, {
    changes: { targetsKeys: [publisher2] },
    expires,
    signers: [recovery],
  })
  const bySecond = targets(2, 2, { signers: [publisher2] })
  t.match(commit(bySecond, { roots: [second] }), { rootVersion: 2, targetsVersion: 2 })
  refused('LW_TRUST_SIGNATURE', () => commit(bySecond), 'the new key without its root')
  refused('LW_TRUST_SIGNATURE', () => commit(targets(2, 2), { roots: [second] }), 'the old key')
  const forged = addSignature(
    nextRoot(root, { changes: {}, expires, signers: [publisher2] }),
    publisher2,
  )
  refused('LW_TRUST_SIGNATURE', () => commit(bySecond, { roots: [forged] }), 'a forged root')
  refused('LW_TRUST_ROLLBACK', () => commit(bySecond, { roots: [second, second] }), 'a root twice')
  const all = verifyCommit({
    current: undefined,
    roots: [root, second],
    targets: targets(7, 9, { signers: [publisher2] }),
    nowMs: start,
  })
  t.match(all, { channelId, head: { release: 9 } }, 'a channel that moves here brings its past')
  refused('LW_TRUST_COMMIT_ORDER', () => commit(bySecond, { ...none, roots: [second] }), 'no first')

  const recovery2 = keys[1] as KeyPair
  const changes = { recoveryKeys: [recovery2] }
  const third = nextRoot(root, { changes, expires, signers: [recovery, recovery2] })
  const onlyRoots = { current: base, nowMs: start, targets: undefined }
  const rotated = verifyCommit({ ...onlyRoots, roots: [third] })
  t.match(rotated, { rootVersion: 2, targetsVersion: 1, isNewRelease: false }, 'roots alone')
  const orphaning = () => verifyCommit({ ...onlyRoots, roots: [second] })
  refused('LW_TRUST_SIGNATURE', orphaning, 'roots alone that leave the targets unsigned')
  const empty = () => verifyCommit({ ...onlyRoots, current: undefined, roots: [root] })
  refused('LW_TRUST_COMMIT_ORDER', empty, 'a new channel without targets')
  t.end()
})
