import fc from 'fast-check'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import {
  type TrustState,
  createTrustClient,
  encodeTrustState,
  headOf,
  parseTrustState,
  rootVersionOf,
} from '../../trust/index.ts'
import { type TestRepository, createRepository, start } from './trust-repository.ts'

async function trusted(repository: TestRepository): Promise<TrustState> {
  const client = createTrustClient({
    state: undefined,
    channelId: repository.channelId,
    firstUse: 'pinned',
    clock: { now: () => start },
  })
  return (await client.refresh(repository.source)).state
}

t.test('a state is read as it was written, complete or with roots only', async (t) => {
  const repository = createRepository()
  repository.rotate({}, [repository.recovery])
  repository.publish()
  const state = await trusted(repository)
  t.same(parseTrustState(encodeTrustState(state)), state)
  t.equal(headOf(state)?.release, 2)
  t.equal(rootVersionOf(state), 2)
  const none = { timestamp: undefined, snapshot: undefined, targets: undefined }
  const rootOnly: TrustState = { ...state, ...none, highestRelease: 0, timeFloorMs: 0 }
  t.same(parseTrustState(encodeTrustState(rootOnly)), rootOnly)
  t.equal(headOf(rootOnly), undefined)
  const rotated: TrustState = {
    ...state,
    timestamp: undefined,
    snapshot: undefined,
    timeFloorMs: 0,
  }
  t.same(parseTrustState(encodeTrustState(rotated)), rotated)
})

t.test('damage is refused wherever it is, and never read as a fresh start', async (t) => {
  const repository = createRepository()
  const bytes = Buffer.from(encodeTrustState(await trusted(repository)))
  const refused = { code: 'LW_TRUST_STATE_DAMAGED', exit: 13, untouched: 'Nothing was changed.' }
  t.throws(() => parseTrustState(Buffer.alloc(0)), refused, 'an empty file')
  t.throws(
    () => parseTrustState(Buffer.alloc(bytes.byteLength)),
    refused,
    'zeros, as after a power cut',
  )
  const survived: number[] = []
  for (let at = 0; at < bytes.byteLength; at += 7) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    if (reads(flipped)) survived.push(at)
  }
  t.same(survived, [], 'flipped bits')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.byteLength - 1 }), (length) => {
      t.notOk(reads(bytes.subarray(0, length)))
    }),
    { numRuns: 50 },
  )
})

function reads(bytes: Uint8Array): boolean {
  try {
    parseTrustState(bytes)
    return true
  } catch {
    return false
  }
}

t.test('files that do not belong together are damage too', async (t) => {
  const repository = createRepository()
  const old = await trusted(repository)
  repository.publish()
  const state = await trusted(repository)
  const other = await trusted(createRepository())
  const mixed: readonly (readonly [string, Partial<TrustState>])[] = [
    ['an older snapshot', { snapshot: old.snapshot }],
    ['older targets', { targets: old.targets, highestRelease: 1 }],
    ['targets of another channel', { targets: other.targets }],
    ['another channel id', { channelId: digestOf('other') }],
    ['another highest release', { highestRelease: 7 }],
    ['no highest release', { highestRelease: 0 }],
    ['a timestamp alone', { snapshot: undefined }],
    ['no root', { root: new Uint8Array() }],
    ['a root that is none', { root: state.targets ?? new Uint8Array() }],
  ]
  for (const [name, change] of mixed) {
    const bytes = encodeTrustState({ ...state, ...change })
    t.throws(() => parseTrustState(bytes), { code: 'LW_TRUST_STATE_DAMAGED' }, name)
  }
})
