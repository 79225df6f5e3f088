import assert from 'node:assert/strict'
import t from 'tap'
import { canonicalJson, digestOf, isLongwaveError, limits } from '../../protocol/index.ts'
import {
  type KeyPair,
  type MetadataSource,
  type TrustClientOptions,
  type TrustState,
  addSignature,
  createRoot,
  createTrustClient,
  encodeTrustState,
  generateKeyPair,
  lifetimesMs,
  parseTrustState,
  publicKeyOf,
  timeText,
} from '../../trust/index.ts'
import { type TestRepository, createRepository, dayMs, start } from './trust-repository.ts'

/** A client of one repository with a clock that a test sets. */
function subscribe(repository: TestRepository, options: Partial<TrustClientOptions> = {}) {
  return createTrustClient({
    state: undefined,
    channelId: repository.channelId,
    firstUse: 'pinned',
    clock: { now: () => repository.nowMs },
    ...options,
  })
}

async function trusted(repository: TestRepository): Promise<TrustState> {
  return (await subscribe(repository).refresh(repository.source)).state
}

/** The code of a refusal; also checks that the state that was known is left as it was. */
async function refusal(
  repository: TestRepository,
  state: TrustState | undefined,
  options: Partial<TrustClientOptions> & { readonly source?: MetadataSource } = {},
): Promise<string> {
  let persisted = 0
  const client = subscribe(repository, {
    state,
    persist: async () => {
      persisted++
    },
    ...options,
  })
  const before = client.state === undefined ? undefined : encodeTrustState(client.state)
  try {
    await client.refresh(options.source ?? repository.source)
  } catch (error) {
    if (!isLongwaveError(error)) throw error
    const after = client.state === undefined ? undefined : encodeTrustState(client.state)
    if (state !== undefined && options.persist === undefined) {
      assert.deepEqual(after, before, 'the trusted state is unchanged')
      assert.equal(persisted, 0, 'nothing was persisted')
    }
    return error.code
  }
  return 'accepted'
}

/** Changes the JSON of a file without signing it again. */
function edit(bytes: Uint8Array, change: (json: never) => void): Uint8Array {
  const json = JSON.parse(Buffer.from(bytes).toString())
  change(json as never)
  return Buffer.from(canonicalJson(json))
}

interface AnyFile {
  signatures: { keyid: string; sig: string }[]
  signed: Record<string, unknown>
}

t.test('a pinned channel is trusted by its id alone and followed release by release', async (t) => {
  const repository = createRepository()
  const client = subscribe(repository)
  const first = await client.refresh(repository.source)
  t.equal(first.status, 'updated')
  t.equal(first.head.release, 1)
  t.equal(first.trustOnFirstUse, false)
  t.equal(first.timestampIssued, timeText(start))
  t.same(repository.fetched, [
    '1.root.json',
    '2.root.json',
    'timestamp.json',
    '1.snapshot.json',
    '1.targets.json',
  ])
  const again = await client.refresh(repository.source)
  t.equal(again.status, 'unchanged')
  t.equal(again.changed, false)
  repository.publish({ label: '2.0', rollout: { from: timeText(start), over: 3600 } })
  const second = await client.refresh(repository.source)
  t.equal(second.status, 'updated')
  t.match(second.head, { release: 2, label: '2.0', rollout: { over: 3600 } })
  repository.renew()
  repository.fetched.length = 0
  const renewed = await client.refresh(repository.source)
  t.equal(renewed.changed, true, 'a timestamp signed again is news')
  t.notOk(repository.fetched.includes('2.targets.json'), 'the same targets are not fetched again')
})

t.test('trust on first use is said, and a failed one leaves nothing behind', async (t) => {
  const repository = createRepository()
  const options = { state: undefined, clock: { now: () => start } }
  const client = createTrustClient({ ...options, firstUse: 'trust-on-first-use' })
  const timestamp = repository.file('timestamp.json')
  repository.files.delete('timestamp.json')
  await t.rejects(client.refresh(repository.source), { code: 'LW_TRUST_METADATA_MISSING' })
  t.equal(client.state, undefined)
  repository.files.set('timestamp.json', timestamp)
  const outcome = await client.refresh(repository.source)
  t.equal(outcome.trustOnFirstUse, true)
  t.equal(outcome.state.firstUse, 'trust-on-first-use')
  t.equal(outcome.state.channelId, repository.channelId)
  const noId = createTrustClient({ ...options, firstUse: 'pinned' })
  await t.rejects(noId.refresh(repository.source), { code: 'LW_TRUST_FIRST_USE' })
})

t.test('S1: unsigned, wrongly signed, flipped and foreign files of all four roles', async (t) => {
  const other = createRepository({ nonce: new Uint8Array(16).fill(8) })
  const strangerKey = generateKeyPair()
  const wreck: Record<string, (bytes: Uint8Array, name: string) => Uint8Array> = {
    'no signature': (bytes) => edit(bytes, (file: AnyFile) => (file.signatures = [])),
    'wrong key': (bytes) =>
      addSignature(
        edit(bytes, (file: AnyFile) => (file.signatures = [])),
        strangerKey,
      ),
    'flipped bit': (bytes) =>
      edit(bytes, (file: AnyFile) => {
        const [signature] = file.signatures
        const last = signature?.sig.slice(-1)
        if (signature) signature.sig = signature.sig.slice(0, -1) + (last === '0' ? '1' : '0')
      }),
    'key of another channel': (bytes, name) => {
      const { recovery, publisher, online } = other
      const key = name.includes('root') ? recovery : name.includes('targets') ? publisher : online
      return addSignature(
        edit(bytes, (file: AnyFile) => (file.signatures = [])),
        key,
      )
    },
  }
  const files = ['2.root.json', 'timestamp.json', '2.snapshot.json', '2.targets.json']
  for (const name of files) {
    for (const [how, change] of Object.entries(wreck)) {
      const repository = createRepository()
      const state = await trusted(repository)
      repository.rotate({}, [repository.recovery])
      repository.publish()
      repository.files.set(name, change(repository.file(name), name))
      // Below the timestamp the digests must be made to fit, or they refuse the file first.
      if (name === '2.targets.json') {
        repository.files.delete('2.snapshot.json')
        repository.renew()
      } else if (name === '2.snapshot.json') vouchFor(repository, name)
      const options = name === '2.root.json' ? {} : { persist: async () => undefined }
      t.equal(await refusal(repository, state, options), 'LW_TRUST_SIGNATURE', `${name}: ${how}`)
    }
  }
})

/** Signs a timestamp for a snapshot that was changed after it was signed. */
function vouchFor(repository: TestRepository, name: string): void {
  const bytes = repository.file(name)
  const forged = edit(repository.file('timestamp.json'), (file: AnyFile) => {
    file.signatures = []
    file.signed['meta'] = {
      'snapshot.json': {
        hashes: { sha256: digestOf(bytes) },
        length: bytes.byteLength,
        version: Number(name.split('.')[0]),
      },
    }
  })
  repository.files.set('timestamp.json', addSignature(forged, repository.online))
}

t.test('S2: validly signed files of an older version, also after a restart', async (t) => {
  const repository = createRepository()
  const old = repository.fork()
  repository.publish()
  repository.publish()
  const state = await trusted(repository)
  for (const known of [state, parseTrustState(encodeTrustState(state))]) {
    t.equal(await refusal(old, known), 'LW_TRUST_ROLLBACK', 'timestamp')

    const oldSnapshot = repository.fork()
    oldSnapshot.files.set('timestamp.json', forgeTimestamp(repository, '1.snapshot.json', 9))
    t.equal(await refusal(oldSnapshot, known), 'LW_TRUST_ROLLBACK', 'snapshot')

    const oldTargets = repository.fork()
    oldTargets.files.delete('3.targets.json')
    oldTargets.renew()
    t.equal(await refusal(oldTargets, known), 'LW_TRUST_ROLLBACK', 'targets')

    const oldRelease = repository.fork()
    oldRelease.publish({ release: 2 })
    t.equal(await refusal(oldRelease, known), 'LW_TRUST_ROLLBACK', 'release')
  }
})

t.test('S2: an older snapshot of the same targets is refused too', async (t) => {
  const repository = createRepository()
  repository.renew()
  const state = await trusted(repository)
  repository.files.set('timestamp.json', forgeTimestamp(repository, '1.snapshot.json', 9))
  t.equal(await refusal(repository, state), 'LW_TRUST_ROLLBACK')
})

/** A timestamp of the online key that vouches for any snapshot there is. */
function forgeTimestamp(repository: TestRepository, snapshot: string, version: number): Uint8Array {
  const fork = repository.fork()
  vouchFor(fork, snapshot)
  const forged = edit(fork.file('timestamp.json'), (file: AnyFile) => {
    file.signatures = []
    file.signed['version'] = version
  })
  return addSignature(forged, repository.online)
}

t.test('S4: expired files mean no update, and expired local ones stop nobody', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)

  const stale = repository.fork()
  stale.nowMs = start + 8 * dayMs
  t.equal(await refusal(stale, state), 'LW_TRUST_FROZEN', 'timestamp, and snapshot with it')
  t.equal(
    await refusal(stale, state, { source: { ...stale.source, mirror: true } }),
    'LW_TRUST_FROZEN',
  )

  const staleSnapshot = repository.fork()
  staleSnapshot.files.set('timestamp.json', extended(repository, start + 30 * dayMs))
  staleSnapshot.nowMs = start + 8 * dayMs
  t.equal(await refusal(staleSnapshot, state), 'LW_TRUST_FROZEN', 'snapshot alone')

  const staleTargets = repository.fork()
  staleTargets.publish({}, { expires: timeText(start + dayMs) })
  staleTargets.nowMs = start + 2 * dayMs
  t.equal(await refusal(staleTargets, state), 'LW_TRUST_EXPIRED_TARGETS', 'targets')

  const staleRoot = repository.fork()
  staleRoot.rotate({}, [repository.recovery], timeText(start + dayMs))
  staleRoot.nowMs = start + 2 * dayMs
  staleRoot.renew()
  const kept: TrustState[] = []
  const persist = async (next: TrustState) => void kept.push(next)
  t.equal(await refusal(staleRoot, state, { persist }), 'LW_TRUST_EXPIRED_ROOT', 'root')
  t.equal(kept.length, 1, 'a root that was verified is kept all the same (5.3.8)')

  const late = repository.fork()
  late.nowMs = start + lifetimesMs.root + 400 * dayMs
  late.rotate({}, [repository.recovery])
  late.publish()
  const outcome = await subscribe(late, { state }).refresh(late.source)
  t.equal(outcome.head.release, 2, 'root and timestamp that expired here are caught up')
})

/** The same timestamp with a later end, one version up. */
function extended(repository: TestRepository, endMs: number): Uint8Array {
  const forged = edit(repository.file('timestamp.json'), (file: AnyFile) => {
    file.signatures = []
    file.signed['version'] = 50
    file.signed['expires'] = timeText(endMs)
  })
  return addSignature(forged, repository.online)
}

t.test('S4: a refusal for staleness says since when, and both times', async (t) => {
  const repository = createRepository()
  const client = subscribe(repository, { state: await trusted(repository) })
  repository.nowMs = start + 8 * dayMs
  await t.rejects(client.refresh(repository.source), {
    code: 'LW_TRUST_FROZEN',
    exit: 75,
    retryable: true,
    members: { staleSince: timeText(start + 7 * dayMs), clock: timeText(start + 8 * dayMs) },
  })
})

t.test('S5: files of two states of a channel are not accepted together', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  repository.publish()
  repository.publish()
  const names = ['snapshot', 'targets']
  for (const role of names) {
    for (const from of [1, 2]) {
      const mixed = repository.fork()
      mixed.files.set(`3.${role}.json`, repository.file(`${from}.${role}.json`))
      t.equal(await refusal(mixed, state), 'LW_TRUST_MIX_AND_MATCH', `${role} ${from} as 3`)
    }
  }
  const wrongVersion = repository.fork()
  const renumbered = edit(repository.file('timestamp.json'), (file: AnyFile) => {
    file.signatures = []
    const meta = file.signed['meta'] as { 'snapshot.json': { version: number } }
    meta['snapshot.json'].version = 4
  })
  wrongVersion.files.set('timestamp.json', addSignature(renumbered, repository.online))
  wrongVersion.files.set('4.snapshot.json', repository.file('3.snapshot.json'))
  t.equal(
    await refusal(wrongVersion, state),
    'LW_TRUST_MIX_AND_MATCH',
    'right bytes, wrong version',
  )
})

t.test('S6: no metadata file is read beyond what it may have', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  repository.rotate({}, [repository.recovery])
  repository.publish()
  const asked = new Map<string, number>()
  const honest: MetadataSource = {
    fetch: async (name, bytesMax) => {
      asked.set(name, bytesMax)
      return repository.files.get(name)
    },
  }
  await subscribe(repository, { state }).refresh(honest)
  t.equal(asked.get('2.root.json'), limits.rootBytesMax)
  t.equal(asked.get('timestamp.json'), limits.timestampBytesMax)
  t.equal(asked.get('2.snapshot.json'), repository.file('2.snapshot.json').byteLength)
  t.equal(asked.get('2.targets.json'), repository.file('2.targets.json').byteLength)
  for (const endless of asked.keys()) {
    if (endless === '3.root.json') continue
    const source: MetadataSource = {
      fetch: async (name, bytesMax) =>
        name === endless ? Buffer.alloc(bytesMax + 1, 0x20) : repository.files.get(name),
    }
    const persist = async () => undefined
    const code = await refusal(repository, state, { source, persist })
    t.equal(code, 'LW_TRUST_ENDLESS_DATA', endless)
  }
  const source: MetadataSource = {
    fetch: async (name, bytesMax) => Buffer.alloc(name === '1.root.json' ? bytesMax + 1 : 0),
  }
  t.equal(await refusal(repository, undefined, { source }), 'LW_TRUST_ENDLESS_DATA', '1.root.json')
})

t.test('S6: an unending chain of roots is cut', async (t) => {
  const repository = createRepository()
  for (let i = 0; i < 6; i++) repository.rotate({}, [repository.recovery])
  const client = subscribe(repository, { limits: { rootRotationsMax: 4 } })
  await t.rejects(client.refresh(repository.source), { code: 'LW_TRUST_ENDLESS_DATA' })
})

t.test('metadata of another channel is refused, and a replaced channel is named', async (t) => {
  const keys = createRepository()
  // The worst case: the other channel has the very same keys.
  const other = createRepository({ ...keys, nonce: new Uint8Array(16).fill(9) })
  const state = await trusted(keys)
  t.not(keys.channelId, other.channelId)
  const foreignTimestamp = keys.fork()
  foreignTimestamp.files.set('timestamp.json', other.file('timestamp.json'))
  t.equal(await refusal(foreignTimestamp, state), 'LW_TRUST_WRONG_CHANNEL', 'timestamp')
  const foreignTargets = keys.fork()
  foreignTargets.publish({}, { channelId: other.channelId })
  t.equal(await refusal(foreignTargets, state), 'LW_TRUST_WRONG_CHANNEL', 'targets')
  t.equal(await refusal(other, undefined, { channelId: keys.channelId }), 'LW_TRUST_WRONG_CHANNEL')
  const known = { state, channelId: keys.channelId }
  t.equal(await refusal(other, state, known), 'LW_TRUST_CHANNEL_REPLACED', 'same keys')
  const stranger = createRepository()
  stranger.rotate({}, [stranger.recovery])
  t.equal(await refusal(stranger, state, known), 'LW_TRUST_CHANNEL_REPLACED', 'other keys')
  const mirror = { ...stranger.source, mirror: true }
  const replaced = await refusal(stranger, state, { ...known, source: mirror })
  t.equal(replaced, 'LW_TRUST_SIGNATURE', 'a mirror is no authority on that')
  t.throws(() => subscribe(keys, { state, channelId: other.channelId }), {
    code: 'LW_TRUST_CHANNEL_REPLACED',
    exit: 13,
    next: new RegExp(`^longwave trust NAME --replace 'URL#${other.channelId}'`),
  })
})

t.test('the command that helps with a replaced channel can be run as it is', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  const subscription = { name: 'app', url: 'https://dl.example.org/app' }
  const found = 'f'.repeat(64) as typeof repository.channelId
  t.throws(() => subscribe(repository, { state, channelId: found, subscription }), {
    code: 'LW_TRUST_CHANNEL_REPLACED',
    next: new RegExp(`^longwave trust app --replace 'https://dl.example.org/app#${found}'`),
  })
})

t.test('a damaged file is told with its name, who sent it, and what to do', async (t) => {
  const repository = createRepository()
  const { source } = repository
  const url = 'https://dl.example.org/app'
  const damaged = {
    ...source,
    url,
    fetch: async (file: string, bytesMax: number) => {
      const bytes = await source.fetch(file, bytesMax)
      return file === 'timestamp.json' ? bytes?.subarray(0, bytes.length - 9) : bytes
    },
  }
  await t.rejects(subscribe(repository).refresh(damaged), {
    code: 'LW_FORMAT_JSON',
    exit: 13,
    message: /It is timestamp\.json of https:\/\/dl\.example\.org\/app: /,
    untouched: 'Nothing was changed.',
    next: /^Try again later/,
  })
})

t.test('a release number stands for one manifest', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  repository.publish({ release: 1, minimum: 1 })
  const same = await subscribe(repository, { state }).refresh(repository.source)
  t.equal(same.head.minimum, 1, 'what is said of a release may change')
  repository.publish({ release: 1, sha256: digestOf('other') })
  t.equal(await refusal(repository, same.state), 'LW_TRUST_RELEASE_CHANGED')
})

t.test('a mirror that lags is asked elsewhere, not accused', async (t) => {
  const repository = createRepository()
  const old = repository.fork()
  repository.publish()
  const state = await trusted(repository)
  const outcome = await subscribe(old, { state }).refresh({ ...old.source, mirror: true })
  t.equal(outcome.status, 'lagging')
  t.equal(outcome.changed, false)
  t.equal(outcome.head.release, 2)
  old.nowMs = start + dayMs
  old.renew()
  old.renew()
  const forged = await refusal(old, state, { source: { ...old.source, mirror: true } })
  t.equal(forged, 'LW_TRUST_ROLLBACK', 'a newer timestamp of an older release is an attack')
})

t.test('S10: a poll that says "not modified" skips no check', async (t) => {
  const repository = createRepository()
  const client = subscribe(repository)
  t.equal(client.confirm('not-modified'), undefined, 'nothing is known yet')
  await client.refresh(repository.source)
  t.equal(client.confirm('not-modified')?.status, 'unchanged')
  t.equal(client.confirm(repository.file('timestamp.json'))?.head.release, 1)
  repository.publish()
  t.equal(client.confirm(repository.file('timestamp.json')), undefined)
  repository.nowMs = start + 8 * dayMs
  t.throws(() => client.confirm('not-modified'), { code: 'LW_TRUST_FROZEN' })
  repository.nowMs = start + 400 * dayMs
  const date = start + dayMs
  t.throws(() => client.confirm('not-modified', date), { code: 'LW_TRUST_CLOCK_WRONG', exit: 75 })
})

t.test(
  'the clock: behind the floor the floor counts, far beyond a fresh one is said',
  async (t) => {
    const repository = createRepository()
    const now = { ms: start }
    const clock = { now: () => now.ms }
    const client = subscribe(repository, { clock })
    await client.refresh(repository.source)

    now.ms = 0
    repository.nowMs = start + dayMs
    repository.publish()
    const behind = await client.refresh(repository.source)
    t.equal(behind.head.release, 2)
    t.equal(behind.state.timeFloorMs, start + dayMs)
    t.match(behind.warnings, [{ kind: 'clock-behind', at: timeText(start + dayMs) }])

    const frozen = repository.fork()
    frozen.publish({}, { expires: timeText(start + dayMs) })
    await t.rejects(
      client.refresh(frozen.source),
      { code: 'LW_TRUST_EXPIRED_TARGETS' },
      'by the floor',
    )

    now.ms = start + 400 * dayMs
    repository.nowMs = start + 2 * dayMs
    repository.renew()
    await t.rejects(client.refresh(repository.source), {
      code: 'LW_TRUST_CLOCK_WRONG',
      exit: 75,
      members: { issued: timeText(start + 2 * dayMs), clock: timeText(start + 400 * dayMs) },
    })
    const dated = { ...repository.source, dateMs: () => start + 400 * dayMs }
    await t.rejects(
      client.refresh(dated),
      { code: 'LW_TRUST_FROZEN' },
      'the source agrees on the time',
    )
    t.equal(client.state?.timeFloorMs, start + dayMs, 'a refused timestamp moves no floor')
  },
)

t.test('expiry is warned of from 90 days', async (t) => {
  const repository = createRepository({ rootExpires: timeText(start + 89 * dayMs) })
  repository.publish({}, { expires: timeText(start + 89 * dayMs) })
  const { warnings } = await subscribe(repository).refresh(repository.source)
  t.same(
    warnings.map((warning) => warning.kind),
    ['root-expiring', 'targets-expiring'],
  )
  const fresh = createRepository()
  t.same((await subscribe(fresh).refresh(fresh.source)).warnings, [])
})

t.test('a link that knows of a newer root is not served an older one', async (t) => {
  const repository = createRepository()
  const old = repository.fork()
  repository.rotate({}, [repository.recovery])
  t.equal(await refusal(old, undefined, { minimumRootVersion: 2 }), 'LW_TRUST_ROLLBACK')
  const client = subscribe(repository, { minimumRootVersion: 2 })
  t.equal((await client.refresh(repository.source)).status, 'updated')
})

t.test('a rotation between two requests is followed within the refresh', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  const online = generateKeyPair()
  const before = repository.fork()
  repository.rotate({ onlineKeys: [online] }, [repository.recovery])
  repository.renew({ signer: online })
  let isRotated = false
  const source: MetadataSource = {
    fetch: async (name) => {
      if (name === 'timestamp.json') isRotated = true
      return (isRotated ? repository : before).files.get(name)
    },
  }
  const outcome = await subscribe(repository, { state }).refresh(source)
  t.equal(outcome.status, 'updated')
  t.same(outcome.state.root, repository.file('2.root.json'))
})

t.test('what a rotation clears: a leaked online key holds nothing back for good', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  const fast = repository.fork()
  fast.nowMs = Date.UTC(2100, 0, 1)
  fast.publish({}, { expires: timeText(Date.UTC(2101, 0, 1)) })
  for (let i = 0; i < 20; i++) fast.renew()
  // The thief of the online key raises versions and the time floor.
  const thief = subscribe(fast, { state, clock: { now: () => start } })
  await t.rejects(thief.refresh(fast.source), { code: 'LW_TRUST_EXPIRED_ROOT' })

  const raised = repository.fork()
  raised.nowMs = start + 300 * dayMs
  for (let i = 0; i < 20; i++) raised.renew()
  const fooled = subscribe(raised, { state, clock: { now: () => start } })
  const { state: held } = await fooled.refresh(raised.source)
  t.equal(held.timeFloorMs, start + 300 * dayMs)

  const online = generateKeyPair()
  repository.publish()
  repository.rotate({ onlineKeys: [online] }, [repository.recovery])
  repository.files.delete('timestamp.json')
  repository.renew({ signer: online })
  const freed = await subscribe(repository, { state: held }).refresh(repository.source)
  t.equal(freed.head.release, 2)
  t.equal(freed.state.timeFloorMs, start)
  t.equal(freed.state.highestRelease, 2)
})

t.test(
  'the highest release outlives every rotation but the one of its publisher key',
  async (t) => {
    const repository = createRepository()
    const { recovery, publisher, online } = repository
    repository.publish()
    repository.publish()
    const state = await trusted(repository)
    const newOnline = generateKeyPair()
    const newRecovery = generateKeyPair()
    const second = generateKeyPair()

    const old = createRepository({ recovery, publisher, online })
    const cases: readonly [string, (fork: TestRepository) => KeyPair][] = [
      [
        'online key',
        (fork) => {
          fork.rotate({ onlineKeys: [newOnline] }, [recovery])
          return newOnline
        },
      ],
      [
        'recovery key',
        (fork) => {
          fork.rotate({ recoveryKeys: [newRecovery] }, [recovery, newRecovery])
          return online
        },
      ],
      [
        'a publisher key is added',
        (fork) => {
          fork.rotate({ targetsKeys: [publisher, second] }, [recovery])
          return online
        },
      ],
    ]
    for (const [what, rotate] of cases) {
      const fork = old.fork()
      const signer = rotate(fork)
      for (let i = 0; i < 5; i++) fork.renew({ signer })
      const persist = async () => undefined
      t.equal(await refusal(fork, state, { persist }), 'LW_TRUST_ROLLBACK', what)
    }
    const fork = old.fork()
    fork.rotate({ targetsKeys: [second] }, [recovery])
    fork.publish({ release: 1 }, { signers: [second] })
    for (let i = 0; i < 5; i++) fork.renew()
    const cleared = await subscribe(fork, { state }).refresh(fork.source)
    t.equal(cleared.state.highestRelease, 1, 'a rotation of the publisher key clears it')
  },
)

t.test('CVE-2020-15163: a root that failed verification is never kept', async (t) => {
  const repository = createRepository()
  const state = await trusted(repository)
  repository.rotate({}, [repository.recovery])
  const good = repository.file('2.root.json')
  repository.rotate({}, [generateKeyPair()])
  const kept: TrustState[] = []
  const client = subscribe(repository, { state, persist: async (next) => void kept.push(next) })
  await t.rejects(client.refresh(repository.source), { code: 'LW_TRUST_SIGNATURE' })
  t.equal(kept.length, 1)
  t.same(kept[0]?.root, good, 'the root before it is kept')
  t.equal(client.state, kept[0])
})

t.test('any single bit flip in any file is refused', async (t) => {
  const repository = createRepository()
  const second = generateKeyPair()
  const state = await trusted(repository)
  repository.rotate({ recoveryKeys: [repository.recovery, second] }, [repository.recovery, second])
  repository.publish()
  const names = [
    '1.root.json',
    '2.root.json',
    'timestamp.json',
    '2.snapshot.json',
    '2.targets.json',
  ]
  let flips = 0
  const accepted: string[] = []
  for (const name of names) {
    const bytes = Buffer.from(repository.file(name))
    // Every second byte, one bit of it each; the bits take turns.
    for (let at = 0; at < bytes.byteLength; at += 2) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << ((at / 2) % 8))
      const source: MetadataSource = {
        fetch: async (file) => (file === name ? flipped : repository.files.get(file)),
      }
      const known = name === '1.root.json' ? undefined : state
      const client = subscribe(repository, { state: known })
      flips++
      await client.refresh(source).then(
        () => accepted.push(`${name} byte ${at}`),
        () => undefined,
      )
    }
  }
  t.same(accepted, [])
  t.ok(flips > 1500, `${flips} flips`)
})

t.test('a root of several recovery keys is signed by several people', async (t) => {
  const [a, b] = [generateKeyPair(), generateKeyPair()]
  const root = createRoot({
    recoveryKeys: [a, publicKeyOf(b)],
    rootThreshold: 2,
    targetsKeys: [generateKeyPair()],
    targetsThreshold: 1,
    onlineKeys: [generateKeyPair()],
    nonce: new Uint8Array(16),
    expires: timeText(start + dayMs),
  })
  const options = { state: undefined, firstUse: 'trust-on-first-use' as const }
  const client = createTrustClient({ ...options, clock: { now: () => start } })
  const only = (bytes: Uint8Array): MetadataSource => ({
    fetch: async (name) => (name === '1.root.json' ? bytes : undefined),
  })
  await t.rejects(client.refresh(only(root)), { code: 'LW_TRUST_SIGNATURE' })
  const complete = addSignature(root, b)
  await t.rejects(client.refresh(only(complete)), { code: 'LW_TRUST_METADATA_MISSING' })
  t.same(addSignature(complete, b), complete, 'signing twice changes nothing')
})

t.test('a mirror is handed every root, so that it can keep them all', async (t) => {
  const repository = createRepository()
  const kept: Uint8Array[] = []
  const persist = async (_state: TrustState, newRoots: readonly Uint8Array[]) =>
    void kept.push(...newRoots)
  const client = subscribe(repository, { persist, firstUse: 'trust-on-first-use' })
  repository.rotate({}, [repository.recovery])
  await client.refresh(repository.source)
  repository.rotate({}, [repository.recovery])
  repository.rotate({}, [repository.recovery])
  await client.refresh(repository.source)
  await client.refresh(repository.source)
  t.same(
    kept,
    [1, 2, 3, 4].map((version) => repository.file(`${version}.root.json`)),
  )
})
