import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import { parseTimestamp } from '../../trust/index.ts'
import {
  backupTo,
  checkStore,
  collectGarbage,
  createPublishToken,
  listPublishTokens,
  restoreFrom,
  revokePublishToken,
} from '../../transmitter/index.ts'
import {
  noise,
  RawPublisher,
  startTransmitter,
  temporaryFolder,
} from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

const dayMs = 86_400_000

function objectFile(directory: string, content: string | Uint8Array): string {
  const digest = digestOf(content)
  return path.join(directory, 'objects', digest.slice(0, 2), digest)
}

t.test(
  'R22: a check finds damage, a repair sets it aside, the next publish heals it',
  async (t) => {
    const stage = await startTransmitter(t)
    const { directory } = stage
    const publisher = new RawPublisher(stage, 'site')
    const contents = {
      flipped: noise(5000),
      short: noise(6000),
      gone: noise(7000),
      sound: noise(8000),
    }
    await publisher.publish(contents)
    t.match(await checkStore({ directory }), {
      sound: true,
      channels: 1,
      releases: 1,
      findings: [],
    })

    const flipped = objectFile(directory, contents.flipped)
    chmodSync(flipped, 0o644)
    const bytes = readFileSync(flipped)
    bytes[100] = (bytes[100] ?? 0) ^ 1
    writeFileSync(flipped, bytes)
    chmodSync(objectFile(directory, contents.short), 0o644)
    truncateSync(objectFile(directory, contents.short), 10)
    unlinkSync(objectFile(directory, contents.gone))
    const found = await checkStore({ directory })
    t.equal(found.sound, false)
    const damaged = new Map(
      found.findings.map((finding) => [finding.object as string, finding.kind]),
    )
    t.equal(damaged.get(digestOf(contents.flipped)), 'object-damaged')
    t.equal(damaged.get(digestOf(contents.short)), 'object-damaged')
    t.equal(damaged.get(digestOf(contents.gone)), 'object-missing')
    t.notOk(damaged.has(digestOf(contents.sound)))
    t.ok(existsSync(flipped), 'without repair nothing is moved')
    const served = await publisher.call(`/objects/${digestOf(contents.flipped)}`)
    t.equal(served.status, 503, 'damage is never served')

    await checkStore({ directory, repair: true })
    t.notOk(existsSync(flipped))
    const head = publisher.last
    if (head === undefined) throw new Error('no head')
    const begun = await publisher.begin(head)
    t.equal(begun.body.missing.length, 3)
    await publisher.sendMissing(head, begun.body)
    t.match(await checkStore({ directory }), { sound: true })
  },
)

t.test('S4: a check follows the signed metadata as a tuner would', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one' })
  const later = { now: () => Date.now() + 30 * dayMs }
  const { findings } = await checkStore({ directory: stage.directory, clock: later })
  t.match(findings, [{ kind: 'trust', severity: 'warning', channel: 'site' }])
})

t.test('R10: bytes that a crash left are found, counted dry and removed', async (t) => {
  const stage = await startTransmitter(t)
  const { directory } = stage
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one' })
  const orphan = objectFile(directory, 'left behind')
  mkdirSync(path.dirname(orphan), { recursive: true })
  writeFileSync(orphan, 'left behind')
  const young = await checkStore({ directory })
  t.same(young.findings, [], 'it may be under way')
  const clock = { now: () => Date.now() + 2 * dayMs }
  t.match((await checkStore({ directory, clock })).findings, [
    { kind: 'orphan', severity: 'warning' },
  ])
  const dry = await collectGarbage({ directory, clock, dryRun: true })
  t.match(dry, { dryRun: true, orphans: 1, objects: 1, bytes: 11 })
  t.ok(existsSync(orphan))
  t.match(await collectGarbage({ directory, clock }), { dryRun: false, orphans: 1, objects: 1 })
  t.notOk(existsSync(orphan))
  t.equal((await publisher.call(`/objects/${digestOf('one')}`)).status, 200)
})

t.test(
  'C41: releases leave retention in order, uploads run out, bundles of old heads go',
  async (t) => {
    const clock = { at: Date.now(), now: () => clock.at }
    const stage = await startTransmitter(t, { clock })
    const { directory } = stage
    const publisher = new RawPublisher(stage, 'site')
    for (let release = 1; release <= 4; release++) {
      await publisher.publish({ a: `text ${'lorem ipsum '.repeat(2000)} ${release}` })
      await stage.transmitter.idle()
    }
    await publisher.begin(publisher.draft({ a: 'never sent' }))
    clock.at += 2 * dayMs
    const first = await collectGarbage({ directory, clock, retainedReleases: 2 })
    t.match(first, { releases: 2, uploads: 1 })
    t.ok(first.bundles >= 1)
    t.same((await publisher.state()).body.retained, [3, 4])
    t.equal((await publisher.call('/deltas/1..4')).status, 404)
    clock.at += 15 * dayMs
    const second = await collectGarbage({ directory, clock, retainedReleases: 2 })
    t.ok(second.objects >= 2)
    t.equal(
      (await publisher.call('/trust/2.targets.json')).status,
      200,
      'targets stay to be looked up',
    )
    t.match(await checkStore({ directory, clock }), {
      findings: [{ kind: 'trust', severity: 'warning' }],
    })
  },
)

t.test('R22: a backup of a running transmitter is restored elsewhere and goes on', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  const contents = { small: 'small', large: noise(2_000_000) }
  await publisher.publish(contents)
  const folder = temporaryFolder(t)
  const to = path.join(folder, 'backup')
  const first = await backupTo({ directory: stage.directory, to })
  t.match(first, { missing: [], objects: first.addedObjects })
  t.ok(first.linkedObjects > 0)
  t.equal(statSync(to).mode & 0o777, 0o700)
  t.equal(statSync(path.join(to, 'publish-token')).mode & 0o777, 0o600)
  await publisher.publish({ ...contents, more: 'more' })
  const second = await backupTo({ directory: stage.directory, to })
  t.ok(second.addedObjects < second.objects, 'an earlier backup is brought up to date')

  const directory = path.join(folder, 'restored')
  const clock = { at: Date.now() + 3 * dayMs, now: () => clock.at }
  const restored = await restoreFrom({ directory, from: to, clock })
  t.match(restored, { objects: second.objects, channels: 1, check: { sound: true, findings: [] } })
  await t.rejects(restoreFrom({ directory, from: to }), { code: 'LW_TRANSMIT_NOT_EMPTY' })
  const again = await startTransmitter(t, { directory, clock })
  t.equal(again.token, stage.token)
  const after = new RawPublisher(again, 'site', publisher)
  t.equal(await after.headRelease(), 2)
  const version = async (url: string) => {
    const response = await fetch(`${url}/site/trust/timestamp.json`)
    return parseTimestamp(new Uint8Array(await response.arrayBuffer())).view.version
  }
  const gap = (await version(again.url)) - (await version(stage.url))
  t.ok(gap >= 3, `no tuner sees a rollback: ${gap} versions up`)
  await after.publish({ ...contents, more: 'and more' })
  t.equal(await after.headRelease(), 3)
})

t.test('R22: what is no backup, or a damaged one, is not restored', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: noise(5000) })
  const folder = temporaryFolder(t)
  const to = path.join(folder, 'backup')
  await backupTo({ directory: stage.directory, to })
  const directory = path.join(folder, 'restored')
  await t.rejects(restoreFrom({ directory, from: folder }), { code: 'LW_TRANSMIT_BACKUP_UNFIT' })
  await t.rejects(restoreFrom({ directory: stage.directory, from: to }), {
    code: 'LW_STORE_LOCKED',
  })
  writeFileSync(path.join(folder, 'notes.txt'), 'mine')
  await t.rejects(backupTo({ directory: stage.directory, to: folder }), {
    code: 'LW_TRANSMIT_NOT_EMPTY',
  })
  await t.rejects(backupTo({ directory: folder, to }), { code: 'LW_TRANSMIT_NO_DATA' })

  const [digest] = publisher.last?.contents.keys() ?? []
  const file = path.join(to, 'objects', String(digest).slice(0, 2), String(digest))
  const sound = readFileSync(file)
  unlinkSync(file)
  writeFileSync(file, noise(5000))
  await t.rejects(restoreFrom({ directory, from: to }), { code: 'LW_TRANSMIT_BACKUP_UNFIT' })
  await t.rejects(startTransmitter(t, { directory }), { code: 'LW_TRANSMIT_BACKUP_UNFIT' })
  writeFileSync(file, sound)
  t.match(await restoreFrom({ directory, from: to }), { check: { sound: true } })
})

t.test('C42: tokens are made, listed without themselves, confined, and revoked', async (t) => {
  const clock = { at: Date.now(), now: () => clock.at }
  const stage = await startTransmitter(t, { clock })
  const { directory } = stage
  const made = await createPublishToken({ directory, channels: 'news-*', note: 'the desk' })
  const short = await createPublishToken({
    directory,
    channels: 'site',
    expiresAtMs: clock.at + dayMs,
  })
  t.match(made.token, /^lwp_[\w-]{43}$/)
  const listed = await listPublishTokens({ directory })
  t.match(listed, [{ id: made.id, note: 'the desk', channels: 'news-*' }, { id: short.id }])
  t.notOk(JSON.stringify(listed).includes(made.token))
  const status = async (name: string, token: string) => {
    const publisher = new RawPublisher(stage, name)
    publisher.token = token
    return (await publisher.state()).status
  }
  t.equal(await status('news-today', made.token), 200)
  t.equal(await status('site', made.token), 401)
  t.equal(await status('site', short.token), 200)
  clock.at += 2 * dayMs
  t.equal(await status('site', short.token), 401, 'it ran out')
  t.equal(await revokePublishToken({ directory, id: made.id }), true)
  t.equal(await revokePublishToken({ directory, id: made.id }), false)
  t.equal(await status('news-today', made.token), 401)
  for (const channels of ['', 'UPPER', '../x', 'a**', ' ']) {
    await t.rejects(createPublishToken({ directory, channels }), {
      code: 'LW_TRANSMIT_TOKEN_UNFIT',
    })
  }
  await t.rejects(createPublishToken({ directory, channels: '*', expiresAtMs: 1 }), {
    code: 'LW_TRANSMIT_TOKEN_UNFIT',
  })
})
