import type { Test } from 'tap'
import { type ChannelName, type Digest, digestOf, isLongwaveError } from '../../protocol/index.ts'
import type {
  CommitOutcome,
  ObjectRecord,
  ReleaseCommit,
  ServerRecords,
  TrustVersions,
} from '../../store/server-records/index.ts'

export const day = 24 * 60 * 60 * 1000
export const news = 'news' as ChannelName
export const weather = 'weather' as ChannelName
export const none: TrustVersions = { root: 0, targets: 0, snapshot: 0, timestamp: 0 }

export function objectNamed(text: string): ObjectRecord {
  return { digest: digestOf(text), size: text.length }
}

export function objectsNamed(...texts: readonly string[]): ObjectRecord[] {
  return texts.map(objectNamed)
}

/** The commit of a release as a transmitter would make it. */
export function commitOf(
  channel: ChannelName,
  release: number,
  texts: readonly string[],
  more: Partial<ReleaseCommit> = {},
): ReleaseCommit {
  const manifest = objectNamed(`manifest ${channel} ${release} ${texts.join()}`)
  const version = release
  const file = (role: 'targets' | 'snapshot', name: string) => ({
    file: name,
    role,
    version,
    bytes: Buffer.from(`${role} ${version} ${manifest.digest}`),
  })
  const isFirst = release === 1
  return {
    channel,
    ...(isFirst
      ? { create: { channelId: digestOf(`root ${channel}`), access: 'open', onlineKey: 'key-1' } }
      : {}),
    replaces: isFirst
      ? none
      : { root: 1, targets: release - 1, snapshot: release - 1, timestamp: release - 1 },
    release: {
      release,
      label: `1.${release}`,
      manifestDigest: manifest.digest,
      manifestBytes: manifest.size,
      publishedAtMs: release * day,
      entries: texts.length,
      totalBytes: 12,
      isEnd: false,
    },
    objects: [manifest, ...objectsNamed(...texts)],
    trustFiles: [
      ...(isFirst
        ? [
            {
              file: '1.root.json',
              role: 'root' as const,
              version: 1,
              bytes: Buffer.from(`root ${channel}`),
            },
          ]
        : []),
      file('targets', `${version}.targets.json`),
      file('snapshot', `${version}.snapshot.json`),
      {
        file: 'timestamp.json',
        role: 'timestamp' as const,
        version,
        bytes: Buffer.from(`timestamp ${version}`),
      },
    ],
    atMs: release * day,
    ...more,
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function digestsOf(items: AsyncIterable<ObjectRecord>): Promise<Digest[]> {
  return (await collect(items)).map((item) => item.digest).sort()
}

function sorted(objects: readonly ObjectRecord[]): Digest[] {
  return objects.map((object) => object.digest).sort()
}

/** Deletes all that is due and returns what was removed from the store. */
export async function deleteDue(records: ServerRecords, nowMs: number): Promise<Digest[]> {
  await records.retention.dropReferences(nowMs)
  const removed: Digest[] = []
  await records.retention.deleteObjects(nowMs, async (digests) => {
    removed.push(...digests)
  })
  return removed.sort()
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return isLongwaveError(error) ? error.code : String(error)
  }
}

/** What every kind of server records promises; `open` makes empty ones. */
export function serverRecordsContract(
  t: Test,
  open: () => Promise<ServerRecords & AsyncDisposable>,
): void {
  t.test(
    'channels: C5: a first commit makes the channel with all that belongs to it',
    async (t) => {
      await using records = await open()
      t.equal(await records.channels.find(news), undefined)
      t.same(await records.channels.list(), [])
      const commit = commitOf(news, 1, ['a', 'b'])
      const outcome = await records.releases.commit(commit)
      const channel = await records.channels.find(news)
      t.same(outcome, { outcome: 'committed', channel })
      t.same(channel, {
        name: news,
        channelId: digestOf('root news'),
        state: 'active',
        access: 'open',
        headRelease: 1,
        versions: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
        onlineKey: 'key-1',
        createdAtMs: day,
      })
      t.same(await records.releases.find(news, 1), { ...commit.release, isRetained: true })
      t.same(
        await records.releases.findByManifest(news, commit.release.manifestDigest),
        await records.releases.find(news, 1),
      )
      t.same(await digestsOf(records.releases.objects(news, 1)), sorted(commit.objects))
      t.equal(await records.isReferenced(news, objectNamed('a').digest), true)
      t.equal(await records.referencedSize(news, objectNamed('a').digest), 1)
      t.equal(await records.isReferenced(news, objectNamed('c').digest), false)
      const root = await records.trust.find(news, '1.root.json')
      t.equal(Buffer.from(root?.bytes ?? []).toString(), 'root news')
      t.equal(await records.trust.find(news, '2.root.json'), undefined)
    },
  )

  t.test('access is decided per channel: another channel’s object is not referenced', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    await records.releases.commit(commitOf(weather, 1, ['b']))
    t.equal(await records.isReferenced(news, objectNamed('b').digest), false)
    t.equal(await records.isReferenced(weather, objectNamed('b').digest), true)
    t.same(
      (await records.channels.list()).map((channel) => channel.name),
      [news, weather],
    )
    await records.channels.setAccess(news, 'closed')
    t.equal((await records.channels.find(news))?.access, 'closed')
  })

  t.test(
    'R32: of commits that replace the same version one wins, the others are told',
    async (t) => {
      await using records = await open()
      await records.releases.commit(commitOf(news, 1, ['a']))
      const contenders = ['x', 'y', 'z', 'w'].map((text) => commitOf(news, 2, ['a', text]))
      const outcomes = await Promise.all(contenders.map((each) => records.releases.commit(each)))
      t.equal(outcomes.filter((each) => each.outcome === 'committed').length, 1)
      const head = await records.channels.find(news)
      for (const each of outcomes.filter((each) => each.outcome === 'conflict')) {
        t.same(each.channel, head, 'the loser learns the present head')
      }
      t.equal((await records.releases.list(news)).length, 2)
      const winner = contenders[outcomes.findIndex((each) => each.outcome === 'committed')]
      t.same(await digestsOf(records.releases.objects(news, 2)), sorted(winner?.objects ?? []))
    },
  )

  t.test('R32: of first commits of one name one wins', async (t) => {
    await using records = await open()
    const other = commitOf(news, 1, ['b'], {
      create: { channelId: digestOf('other'), access: 'open', onlineKey: 'key-2' },
    })
    const outcomes = await Promise.all(
      [commitOf(news, 1, ['a']), other].map((each) => records.releases.commit(each)),
    )
    t.same(outcomes.map((each) => each.outcome).sort(), ['committed', 'conflict'])
  })

  t.test('a commit to a channel that is not there is a conflict without a head', async (t) => {
    await using records = await open()
    t.same(await records.releases.commit(commitOf(news, 2, ['a'])), {
      outcome: 'conflict',
      channel: undefined,
    } satisfies CommitOutcome)
  })

  t.test('C11: repeating a commit returns what the first one made', async (t) => {
    await using records = await open()
    const first = commitOf(news, 1, ['a'])
    await records.releases.commit(first)
    t.equal((await records.releases.commit(first)).outcome, 'repeated')
    const second = commitOf(news, 2, ['a', 'b'])
    await records.releases.commit(second)
    const resigned = [
      { file: 'timestamp.json', role: 'timestamp' as const, version: 3, bytes: Buffer.from('3') },
    ]
    await records.trust.replace({ channel: news, expected: {}, files: resigned, atMs: 5 })
    const again = await records.releases.commit(second)
    t.equal(again.outcome, 'repeated', 'also when the timestamp was signed again since then')
    t.equal(again.channel?.versions.timestamp, 3)
    t.equal((await records.releases.list(news)).length, 2)
    t.equal((await records.releases.commit(first)).outcome, 'repeated', 'also an older one')
  })

  t.test('a stale timestamp version is a conflict that shows the present ones', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    const files = [
      { file: 'timestamp.json', role: 'timestamp' as const, version: 2, bytes: Buffer.from('2') },
    ]
    const expected = { timestamp: 1 }
    const replaced = await records.trust.replace({ channel: news, expected, files, atMs: 7 })
    t.equal(replaced.outcome, 'replaced')
    const late = await records.trust.replace({ channel: news, expected, files, atMs: 7 })
    t.equal(late.outcome, 'conflict', 'two signers cannot both replace version 1')
    const outcome = await records.releases.commit(commitOf(news, 2, ['a']))
    t.equal(outcome.outcome, 'conflict')
    t.same(outcome.channel?.versions, { root: 1, targets: 1, snapshot: 1, timestamp: 2 })
    t.equal(
      await records.isReferenced(news, commitOf(news, 2, ['a']).release.manifestDigest),
      false,
    )
  })

  t.test('an ended channel takes no further release and keeps its name', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    const end = commitOf(news, 2, [])
    await records.releases.commit({ ...end, release: { ...end.release, isEnd: true } })
    t.equal((await records.channels.find(news))?.state, 'ended')
    t.equal((await records.releases.find(news, 2))?.isEnd, true)
    t.equal((await records.releases.commit(commitOf(news, 3, ['b']))).outcome, 'conflict')
    const other = commitOf(news, 1, ['b'], {
      create: { channelId: digestOf('other'), access: 'open', onlineKey: 'key-2' },
    })
    t.equal((await records.releases.commit(other)).outcome, 'conflict')
  })

  t.test('each release keeps its own set of objects while later ones come and go', async (t) => {
    await using records = await open()
    const sets = [['a', 'b'], ['b', 'c'], ['a', 'c'], [], ['a', 'b', 'c']]
    for (const [at, texts] of sets.entries()) {
      await records.releases.commit(commitOf(news, at + 1, texts))
    }
    for (const [at, texts] of sets.entries()) {
      const expected = sorted(commitOf(news, at + 1, texts).objects)
      t.same(await digestsOf(records.releases.objects(news, at + 1)), expected, `release ${at + 1}`)
    }
    t.same(
      (await records.releases.list(news, { countMax: 2 })).map((each) => each.release),
      [5, 4],
    )
    const known = new Set(
      [1, 2, 3, 4, 5].flatMap((n) =>
        commitOf(news, n, sets[n - 1] ?? []).objects.map((o) => o.digest),
      ),
    )
    t.same(await digestsOf(records.retention.referenced()), [...known].sort())
  })

  t.test('R34: objects stay 14 days after they left the last retained release', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a', 'b']))
    await records.releases.commit(commitOf(news, 2, ['b', 'c']))
    await records.releases.commit(commitOf(news, 3, ['c', 'd']))
    const summary = await records.retention.endReleases(news, [1, 3], 100 * day)
    t.equal(summary.releases, 1, 'the head stays')
    t.same(
      (await records.releases.list(news, { onlyRetained: true })).map((each) => each.release),
      [3, 2],
    )
    t.same(await deleteDue(records, 114 * day - 1), [])
    t.equal(await records.isReferenced(news, objectNamed('a').digest), true, 'still served')
    const manifest = commitOf(news, 1, ['a', 'b']).release.manifestDigest
    t.same(await deleteDue(records, 114 * day), [objectNamed('a').digest, manifest].sort())
    t.equal(await records.isReferenced(news, objectNamed('a').digest), false)
    t.equal(await records.isReferenced(news, objectNamed('b').digest), true)
    t.same(await deleteDue(records, 200 * day), [])
  })

  t.test('an object that another channel refers to is never deleted', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a', 'shared']))
    await records.releases.commit(commitOf(news, 2, []))
    await records.releases.commit(commitOf(weather, 1, ['shared']))
    await records.retention.endReleases(news, [1], 10 * day)
    const removed = await deleteDue(records, 30 * day)
    t.ok(removed.includes(objectNamed('a').digest))
    t.notOk(removed.includes(objectNamed('shared').digest))
  })

  t.test('uploads: what is missing looks only at this channel and this upload', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    await records.releases.commit(commitOf(weather, 1, ['w']))
    const manifest = objectNamed('manifest').digest
    await records.uploads.create({
      id: 'u1',
      channel: news,
      manifestDigest: manifest,
      baseTargetsVersion: 1,
      createdAtMs: 1,
      expiresAtMs: 100,
    })
    const objects = objectsNamed('a', 'w', 'n')
    const digests = objects.map((object) => object.digest)
    const [a, w, n] = digests as [Digest, Digest, Digest]
    t.same(await records.uploads.missing('u1', digests), new Set([w, n]), 'knowing grants nothing')
    await records.uploads.lease('u1', objectsNamed('w', 'n'))
    t.same(await records.uploads.missing('u1', digests), new Set([w, n]), 'leased is not delivered')
    await records.uploads.delivered('u1', [n])
    t.same(await records.uploads.missing('u1', digests), new Set([w]))
    t.equal(await records.uploads.holds('u1', n), true)
    t.equal(await records.uploads.holds('u1', a), true)
    t.equal(await records.uploads.holds('u1', w), false)
    t.equal((await records.uploads.findOpen(news, manifest))?.id, 'u1')
    t.equal((await records.uploads.listOpen()).length, 1)
    await records.uploads.extend('u1', 200)
    t.equal((await records.uploads.find('u1'))?.expiresAtMs, 200)
  })

  t.test('uploads: a commit needs every new object delivered, and ends the upload', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    const commit = commitOf(news, 2, ['a', 'n'], { upload: 'u1' })
    const upload = {
      channel: news,
      manifestDigest: commit.release.manifestDigest,
      baseTargetsVersion: 1,
      createdAtMs: 1,
      expiresAtMs: 100,
    }
    await records.uploads.create({ id: 'u1', ...upload })
    const fresh = commit.objects.filter((object) => object.digest !== objectNamed('a').digest)
    await records.uploads.lease('u1', fresh)
    t.equal(await codeOf(records.releases.commit(commit)), 'LW_STORE_OBJECT_MISSING')
    t.equal((await records.channels.find(news))?.headRelease, 1, 'nothing changed')
    t.equal((await records.uploads.find('u1'))?.state, 'open')
    await records.uploads.delivered(
      'u1',
      fresh.map((object) => object.digest),
    )
    t.equal((await records.releases.commit(commit)).outcome, 'committed')
    t.equal((await records.uploads.find('u1'))?.state, 'committed')
    t.equal((await records.releases.commit(commit)).outcome, 'repeated')
    t.equal(await codeOf(records.uploads.lease('u1', fresh)), 'LW_STORE_UPLOAD_GONE')
    const late = commitOf(news, 3, ['a'], { upload: 'u1' })
    t.equal(await codeOf(records.releases.commit(late)), 'LW_STORE_OBJECT_MISSING')
    t.equal(await codeOf(records.uploads.missing('nobody', [])), 'LW_STORE_UPLOAD_GONE')
  })

  t.test('uploads: what an abandoned one delivered is deleted a day later', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    const upload = {
      channel: news,
      manifestDigest: objectNamed('m').digest,
      baseTargetsVersion: 1,
      createdAtMs: 1,
      expiresAtMs: 100,
    }
    await records.uploads.create({ id: 'u1', ...upload })
    await records.uploads.lease('u1', objectsNamed('a', 'n'))
    await records.uploads.create({ id: 'u2', ...upload })
    await records.uploads.lease('u2', objectsNamed('k'))
    await records.uploads.extend('u2', 10 * day)
    t.same(await records.uploads.expire(100), ['u1'])
    t.same(await deleteDue(records, 100 + day - 1), [])
    t.same(await deleteDue(records, 100 + day), [objectNamed('n').digest])
    await records.uploads.abandon('u2', 2 * day)
    t.same(await deleteDue(records, 3 * day), [objectNamed('k').digest])
    await records.uploads.abandon('u2', 2 * day)
    t.same(await records.uploads.expire(100 * day), [])
    t.equal(await records.uploads.find('u1'), undefined, 'old ones are forgotten')
  })

  t.test('an open upload keeps all that its channel refers to', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    await records.releases.commit(commitOf(news, 2, []))
    await records.retention.endReleases(news, [1], 10 * day)
    await records.uploads.create({
      id: 'u1',
      channel: news,
      manifestDigest: objectNamed('m').digest,
      baseTargetsVersion: 2,
      createdAtMs: 1,
      expiresAtMs: 100 * day,
    })
    t.same(await deleteDue(records, 30 * day), [])
    await records.uploads.abandon('u1', 30 * day)
    t.ok((await deleteDue(records, 30 * day)).includes(objectNamed('a').digest))
  })

  t.test('R34: while an object is being deleted nobody can count on it', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, []))
    await records.retention.addUnreferenced(objectsNamed('n', 'l'), 5)
    const upload = {
      id: 'u1',
      channel: news,
      baseTargetsVersion: 1,
      createdAtMs: 1,
      expiresAtMs: 9,
    }
    await records.uploads.create({ ...upload, manifestDigest: objectNamed('m').digest })
    await records.uploads.lease('u1', objectsNamed('l'))
    const key = { channel: news, fromRelease: 1, toRelease: 2, format: 'f' }
    await records.bundles.begin(key, { effort: 1, atMs: 1, staleBeforeMs: 0 })
    const codes: (string | undefined)[] = []
    const removed: Digest[] = []
    await records.retention.deleteObjects(5, async (digests) => {
      removed.push(...digests)
      codes.push(await codeOf(records.uploads.lease('u1', objectsNamed('n'))))
      codes.push(await codeOf(records.releases.commit(commitOf(news, 2, ['n']))))
      codes.push(await codeOf(records.bundles.announce(key, objectNamed('n'))))
    })
    t.same(removed, [objectNamed('n').digest], 'the leased one stays')
    t.same(codes, Array(3).fill('LW_STORE_OBJECT_LEAVING'))
    t.equal(await codeOf(records.uploads.lease('u1', objectsNamed('n'))), undefined)
  })

  t.test('a deletion that failed is finished by the next one', async (t) => {
    await using records = await open()
    await records.retention.addUnreferenced(objectsNamed('n'), 5)
    const failing = records.retention.deleteObjects(5, () => Promise.reject(new Error('disk')))
    await t.rejects(failing, { message: 'disk' })
    t.same(await deleteDue(records, 5), [objectNamed('n').digest])
    t.same(await deleteDue(records, 5), [])
  })

  t.test('two deletions at once do not meet', async (t) => {
    await using records = await open()
    await records.retention.addUnreferenced(objectsNamed('a', 'b'), 5)
    const removed: Digest[] = []
    let running = 0
    const remove = async (digests: readonly Digest[]): Promise<void> => {
      t.equal(++running, 1)
      await records.settings.set('k', 'v')
      removed.push(...digests)
      running--
    }
    const { retention } = records
    await Promise.all([retention.deleteObjects(5, remove), retention.deleteObjects(5, remove)])
    t.same(removed.sort(), sorted(objectsNamed('a', 'b')))
  })

  t.test('R10: fsck finds the objects that no record knows', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, ['a']))
    await records.retention.addUnreferenced(objectsNamed('going'), 5)
    const digests = objectsNamed('a', 'going', 'left').map((object) => object.digest)
    t.same(await records.retention.unknown(digests), new Set([objectNamed('left').digest]))
  })

  t.test('trust files: superseded ones go, roots and present ones stay', async (t) => {
    await using records = await open()
    for (const release of [1, 2, 3]) await records.releases.commit(commitOf(news, release, []))
    t.equal(await records.retention.dropTrustFiles(2 * day), 2)
    t.same(
      (await records.trust.list(news)).map((each) => each.file),
      [
        '1.root.json',
        '2.snapshot.json',
        '3.snapshot.json',
        '2.targets.json',
        '3.targets.json',
        'timestamp.json',
      ],
    )
    t.equal(await records.retention.dropTrustFiles(100 * day), 2)
    const expected = {}
    const missing = { channel: weather, expected, files: [], atMs: 1 }
    t.equal(await codeOf(records.trust.replace(missing)), 'LW_STORE_NO_CHANNEL')
  })

  t.test('bundles: one maker, then the best there is', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, []))
    const key = { channel: news, fromRelease: 1, toRelease: 2, format: 'lw-bundle-1' }
    t.equal(await records.bundles.find(key), undefined)
    const begin = (effort: number, atMs: number) =>
      records.bundles.begin(key, { effort, atMs, staleBeforeMs: atMs - 10 })
    t.same(await Promise.all([begin(1, 20), begin(1, 20)]), [true, false])
    t.match(await records.bundles.find(key), { state: 'making', effort: 1, atMs: 20 })
    t.equal(await begin(1, 31), true, 'a maker that is gone is replaced')
    await records.bundles.announce(key, objectNamed('bundle'))
    await records.bundles.ready(key, { effort: 1, atMs: 32 })
    const object = objectNamed('bundle')
    t.match(await records.bundles.find(key), { state: 'ready', effort: 1, atMs: 32, object })
    t.equal(await records.bundles.holds(news, object.digest), true)
    t.equal(await records.bundles.holds(weather, object.digest), false)
    t.equal(await begin(1, 40), false)
    t.equal(await begin(9, 41), true)
    t.match(await records.bundles.find(key), { state: 'ready', effort: 1 }, 'served meanwhile')
    await records.bundles.announce(key, objectNamed('better'))
    await records.bundles.ready(key, { effort: 9, atMs: 42 })
    t.equal(await records.bundles.holds(news, object.digest), false)
    t.same(await deleteDue(records, 42 + day), [object.digest])
    t.same(
      await digestsOf(records.retention.referenced()),
      sorted([...commitOf(news, 1, []).objects, objectNamed('better')]),
    )
    t.equal((await records.bundles.list(news)).length, 1)
    await records.bundles.delete(key, 50)
    t.same(await deleteDue(records, 50 + day), [objectNamed('better').digest])
    t.equal(await records.bundles.find(key), undefined)
  })

  t.test('bundles: a failed one is told and may be begun again', async (t) => {
    await using records = await open()
    await records.releases.commit(commitOf(news, 1, []))
    const key = { channel: news, fromRelease: 1, toRelease: 2, format: 'f' }
    const options = { effort: 1, atMs: 5, staleBeforeMs: 0 }
    await records.bundles.begin(key, options)
    await records.bundles.failed(key, 6)
    t.match(await records.bundles.find(key), { state: 'failed', atMs: 6 })
    t.equal(await records.bundles.begin(key, options), true)
    t.equal(
      await codeOf(records.bundles.ready(key, { effort: 1, atMs: 7 })),
      'LW_STORE_BUNDLE_GONE',
      'what was not announced is not offered',
    )
  })

  t.test('tokens are found by their hash and gone when deleted', async (t) => {
    await using records = await open()
    const token = {
      id: 't1',
      hash: digestOf('secret'),
      scope: 'publish',
      channels: 'news*',
      createdAtMs: 1,
      expiresAtMs: 2,
      note: 'ci',
    }
    const plain = { id: 't2', hash: digestOf('b'), scope: 'admin', channels: '*', createdAtMs: 3 }
    await records.tokens.create(token)
    await records.tokens.create(plain)
    t.same(await records.tokens.findByHash(digestOf('secret')), token)
    t.equal(await records.tokens.findByHash(digestOf('Secret')), undefined)
    t.same(await records.tokens.list(), [token, plain])
    t.equal(await records.tokens.delete('t1'), true)
    t.equal(await records.tokens.delete('t1'), false)
    t.same(await records.tokens.list(), [plain])
  })

  t.test('settings: one value holds for all who set it once', async (t) => {
    await using records = await open()
    t.equal(await records.settings.get('k'), undefined)
    t.equal(await records.settings.setOnce('k', 'first'), 'first')
    t.equal(await records.settings.setOnce('k', 'second'), 'first')
    await records.settings.set('k', 'third')
    t.equal(await records.settings.get('k'), 'third')
  })
}
