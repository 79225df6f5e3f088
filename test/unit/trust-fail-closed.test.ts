import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  createTrustClient,
  encodeTrustState,
  type MetadataSource,
  type TrustState,
} from '../../trust/index.ts'
import { createRepository, type TestRepository } from './trust-repository.ts'

/** What a step may fail with: ours, the language's, the system's, and what is no error at all. */
const failures: readonly (() => unknown)[] = [
  () => new Error('no reason'),
  () => new TypeError('undefined is not a function'),
  () => new RangeError('Array buffer allocation failed'),
  () => Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2 }),
  () => 'not an error',
  () => undefined,
]

/** Runs a refresh in which the nth of these calls fails; tells whether there was such a call. */
interface Attempt {
  readonly where: 'source' | 'clock' | 'persist'
  readonly nth: number
  readonly failure: unknown
}

async function known(repository: TestRepository): Promise<TrustState> {
  const client = createTrustClient({
    state: undefined,
    channelId: repository.channelId,
    firstUse: 'pinned',
    clock: { now: () => repository.nowMs },
  })
  return (await client.refresh(repository.source)).state
}

async function attempt(
  repository: TestRepository,
  state: TrustState,
  { where, nth, failure }: Attempt,
) {
  let calls = 0
  const step = (at: Attempt['where']): void => {
    if (at !== where) return
    calls += 1
    if (calls === nth) throw failure
  }
  const source: MetadataSource = {
    fetch: async (file, bytesMax) => {
      step('source')
      return repository.source.fetch(file, bytesMax)
    },
  }
  const client = createTrustClient({
    state,
    channelId: repository.channelId,
    firstUse: 'pinned',
    clock: {
      now: () => {
        step('clock')
        return repository.nowMs
      },
    },
    persist: async () => step('persist'),
  })
  const outcome = await client.refresh(source).then(
    (done) => ({ accepted: done.status }),
    (error: unknown) => ({ error }),
  )
  return { outcome, client, wasReached: calls >= nth }
}

t.test('S20: whatever step fails, with whatever, nothing is accepted', async (t) => {
  const repository = createRepository()
  const state = await known(repository)
  repository.publish()
  let points = 0
  for (const where of ['source', 'clock', 'persist'] as const) {
    for (const make of failures) {
      for (let nth = 1; nth < 50; nth++) {
        const failure = make()
        const { outcome, client, wasReached } = await attempt(repository, state, {
          where,
          nth,
          failure,
        })
        if (!wasReached) break
        points += 1
        const name = `${where} ${nth} ${String(failure)}`
        t.ok('error' in outcome, name)
        t.same(
          encodeTrustState(client.state ?? state),
          encodeTrustState(state),
          `${name}: as it was`,
        )
        const healed = await client.refresh(repository.source)
        t.equal(healed.head.release, 2, `${name}: and then it goes on`)
      }
    }
  }
  t.ok(points >= 30, `${points} points`)
})

t.test('S20: what a source hands over instead of bytes is never metadata', async (t) => {
  const repository = createRepository()
  const state = await known(repository)
  repository.publish()
  const junk: readonly (Uint8Array | undefined)[] = [
    new Uint8Array(),
    Buffer.from('null'),
    Buffer.from('{}'),
    Buffer.from('[]'),
    Buffer.from('{"signatures":[],"signed":{}}'),
    Buffer.from('<html>no</html>'),
    Buffer.alloc(100),
    undefined,
  ]
  for (const [at, bytes] of junk.entries()) {
    for (const file of ['timestamp.json', '2.snapshot.json', '2.targets.json']) {
      const client = createTrustClient({
        state,
        channelId: repository.channelId,
        firstUse: 'pinned',
        clock: { now: () => repository.nowMs },
      })
      const source: MetadataSource = {
        fetch: async (name, bytesMax) =>
          name === file ? bytes : repository.source.fetch(name, bytesMax),
      }
      const error: unknown = await client.refresh(source).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      const expected = bytes === undefined ? /^LW_TRUST_METADATA_MISSING$/ : /^LW_(TRUST|FORMAT)_/
      t.match(isLongwaveError(error) ? error.code : '', expected, `${file} ${at}`)
      t.equal(client.state, state)
    }
  }
})
