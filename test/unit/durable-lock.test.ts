import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import {
  type FolderLock,
  type Liveness,
  type OwnerIdentity,
  type OwnerProbe,
  acquireLock,
  linuxOwnerProbe,
  loopbackOwnerProbe,
  nodeFileSystem,
} from '../../store/durable-files/index.ts'

const base = await fs.mkdtemp(path.join(os.tmpdir(), 'lw-lock-'))
t.teardown(() => fs.rm(base, { recursive: true, force: true }))
const newFolder = (): Promise<string> => fs.mkdtemp(path.join(base, 'x-'))

function identityOf(pid: number): OwnerIdentity {
  return { kind: 'linux', host: 'h', bootId: 'b', pidNamespace: 'n', pid, startTicks: '1' }
}

/** A probe of one of several pretended processes. */
function pretended(pid: number, states: ReadonlyMap<number, Liveness>): OwnerProbe {
  return {
    claim: async () => ({ identity: identityOf(pid), release: async () => undefined }),
    liveness: async (identity) => states.get(identity.pid) ?? 'dead',
  }
}

t.test('one process takes a lock once, gives it back, and can take it again', async (t) => {
  const folder = await newFolder()
  const lock = await acquireLock(nodeFileSystem, folder)
  await t.rejects(acquireLock(nodeFileSystem, folder), { code: 'LW_STORE_LOCKED' })
  await using other = await acquireLock(nodeFileSystem, folder, { name: 'other' })
  await lock.release()
  await lock.release()
  const again = await acquireLock(nodeFileSystem, folder)
  await again.release()
  await other.release()
  t.same(await fs.readdir(folder), [])
})

t.test('R47: of many that start at once exactly one ends up with the lock', async (t) => {
  for (let round = 0; round < 5; round++) {
    const folder = await newFolder()
    const pids = [1, 2, 3, 4]
    const states = new Map<number, Liveness>(pids.map((pid) => [pid, 'alive']))
    await acquireLock(nodeFileSystem, folder, { probe: pretended(9, states) })
    const attempts = await Promise.allSettled(
      pids.map((pid) => acquireLock(nodeFileSystem, folder, { probe: pretended(pid, states) })),
    )
    const won = attempts.filter((each) => each.status === 'fulfilled')
    t.equal(won.length, 1)
    const claims = await fs.readdir(folder)
    t.equal(claims.length, 2, 'losers and the dead one leave nothing')
    await (won[0] as PromiseFulfilledResult<FolderLock> | undefined)?.value.release()
  }
})

t.test('a damaged claim is a dead one', async (t) => {
  const folder = await newFolder()
  for (const [at, text] of ['', '{', 'null', '{"kind":"linux"}', '{"pid":1}'].entries()) {
    await fs.writeFile(path.join(folder, `lock.${`${at}`.repeat(32)}`), text)
  }
  await fs.writeFile(path.join(folder, 'lock.txt'), 'not a claim')
  const lock = await acquireLock(nodeFileSystem, folder)
  t.equal((await fs.readdir(folder)).length, 3)
  await lock.release()
  t.same(await fs.readdir(folder), ['lock.txt'])
})

t.test('an owner that cannot be seen counts as alive while its claim is fresh', async (t) => {
  const folder = await newFolder()
  const states = new Map<number, Liveness>([[1, 'elsewhere']])
  await acquireLock(nodeFileSystem, folder, { probe: pretended(1, states) })
  const probe = pretended(2, states)
  const refused = acquireLock(nodeFileSystem, folder, { probe })
  await t.rejects(refused, { code: 'LW_STORE_LOCKED', members: { pid: 1 } })
  const clock = { now: () => Date.now() + 60_000 }
  const lock = await acquireLock(nodeFileSystem, folder, { probe, clock })
  t.equal((await fs.readdir(folder)).length, 2)
  await lock.release()
})

t.test('on Linux an owner is a process with its start time', async (t) => {
  if (process.platform !== 'linux') {
    t.comment('not run: this is not Linux')
    return
  }
  const probe = linuxOwnerProbe()
  const { identity } = await probe.claim()
  if (identity.kind !== 'linux') throw new TypeError('not a Linux identity')
  t.equal(identity.pid, process.pid)
  t.equal(await probe.liveness(identity), 'alive')
  t.equal(await probe.liveness({ ...identity, startTicks: '1' }), 'dead', 'its number was reused')
  t.equal(await probe.liveness({ ...identity, pid: 2 ** 30 }), 'dead')
  t.equal(await probe.liveness({ ...identity, bootId: 'x' }), 'dead', 'before a restart')
  t.equal(await probe.liveness({ ...identity, bootId: 'x', host: 'y' }), 'elsewhere')
  t.equal(await probe.liveness({ ...identity, pidNamespace: 'x' }), 'elsewhere')
  const foreign = { kind: 'loopback', pid: 1, port: 1, token: 'x' } as const
  t.equal(await probe.liveness(foreign), 'elsewhere')
})

t.test('elsewhere an owner is a loopback port that knows a secret', async (t) => {
  const probe = loopbackOwnerProbe(() => 'secret')
  const { identity, release } = await probe.claim()
  if (identity.kind !== 'loopback') throw new TypeError('not a loopback identity')
  t.equal(await probe.liveness(identity), 'alive')
  t.equal(await probe.liveness({ ...identity, token: 'other!' }), 'dead', 'the port was reused')
  await release()
  t.equal(await probe.liveness(identity), 'dead')
  t.equal(await probe.liveness(identityOf(1)), 'elsewhere')
  const folder = await newFolder()
  const lock = await acquireLock(nodeFileSystem, folder, { probe })
  const refused = acquireLock(nodeFileSystem, folder, { probe })
  await t.rejects(refused, { code: 'LW_STORE_LOCKED' })
  await lock.release()
  const again = await acquireLock(nodeFileSystem, folder, { probe })
  await again.release()
})
