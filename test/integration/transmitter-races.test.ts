import path from 'node:path'
import t from 'tap'
import { parseTimestamp } from '../../trust/index.ts'
import { checkStore, collectGarbage } from '../../transmitter/index.ts'
import { RawPublisher, startTransmitter, temporaryFolder } from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

t.test('R32 C47: 8 publishers × 4 over two processes make one line of releases', async (t) => {
  const directory = path.join(temporaryFolder(t), 'transmitter')
  const stages = [
    await startTransmitter(t, { directory }),
    await startTransmitter(t, { directory }),
  ]
  const [stage] = stages
  if (stage === undefined) throw new Error('no transmitter')
  const founder = new RawPublisher(stage, 'site')
  await founder.publish({ start: 'start' })
  const won: number[] = []
  let lost = 0
  const run = async (number: number): Promise<void> => {
    const own = stages[number % stages.length] ?? stage
    const publisher = new RawPublisher(own, 'site', founder)
    let earlier: string | undefined
    for (let round = 0; round < 4; round++) {
      for (;;) {
        await publisher.catchUp()
        const draft = publisher.draft({ start: 'start', [`p${number}`]: `round ${round}` })
        const begun = await publisher.begin(draft, earlier && `?continues=${earlier}`)
        earlier = begun.body.upload
        if (begun.body.missing.length > 0) await publisher.sendMissing(draft, begun.body)
        const answer = await publisher.commit(begun.body.upload, publisher.commitRequest(draft))
        if (answer.status === 200) {
          won.push(answer.body.release)
          break
        }
        const { code } = answer.body as unknown as { readonly code: string }
        if (code !== 'LW_TRANSMIT_CONFLICT') throw new Error(JSON.stringify(answer.body))
        lost++
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, number) => run(number)))
  t.same(
    won.toSorted((a, b) => a - b),
    Array.from({ length: 32 }, (_, index) => index + 2),
  )
  t.comment(`${lost} races were lost and told`)
  // A process looks once a second for what the others did.
  while ((await founder.headRelease()) < 33) await founder.state()
  t.equal(await founder.headRelease(), 33)
  const check = await checkStore({ directory })
  t.same(check.findings, [])
  t.equal(check.releases, 33)
})

t.test('C47: what one process publishes the other one serves', async (t) => {
  const directory = path.join(temporaryFolder(t), 'transmitter')
  const first = await startTransmitter(t, { directory })
  const second = await startTransmitter(t, { directory })
  t.equal(second.token, first.token)
  const publisher = new RawPublisher(first, 'site')
  await publisher.publish({ a: 'one' })
  const reader = new RawPublisher(second, 'site', publisher)
  // The other process looks once a second.
  while ((await reader.headRelease()) !== 1) await reader.state()
  t.equal(
    (await reader.call(`/objects/${[...(publisher.last?.contents.keys() ?? [])][0]}`)).status,
    200,
  )
  const here = await publisher.call('/trust/timestamp.json')
  const there = await reader.call('/trust/timestamp.json')
  t.equal(there.headers.get('etag'), here.headers.get('etag'))
})

t.test(
  'C42: snapshot and timestamp are signed anew in time, and a commit beside it goes on',
  async (t) => {
    const clock = { at: Date.now(), now: () => clock.at }
    const stage = await startTransmitter(t, { clock })
    const publisher = new RawPublisher(stage, 'site')
    await publisher.publish({ a: 'one' })
    const timestamp = async (url: string) => {
      const response = await fetch(`${url}/site/trust/timestamp.json`)
      return parseTimestamp(new Uint8Array(await response.arrayBuffer())).view
    }
    const before = await timestamp(stage.url)
    clock.at += 2 * 86_400_000
    const again = await stage.restart()
    const after = await timestamp(again.url)
    t.equal(after.version, before.version + 1)
    t.ok(after.issuedMs > before.issuedMs)
    const soon = await again.restart()
    t.equal((await timestamp(soon.url)).version, after.version, 'a fresh one stays')
  },
)

t.test('R34: while garbage is collected nobody misses an object of the two newest', async (t) => {
  const clock = { at: Date.now(), now: () => clock.at }
  const stage = await startTransmitter(t, { clock, retainedReleases: 2 })
  const { directory } = stage
  const publisher = new RawPublisher(stage, 'site')
  const missed: string[] = []
  let fetched = 0
  let deleted = 0
  let previous: readonly string[] = []
  for (let release = 1; release <= 6; release++) {
    await publisher.publish({ same: 'same', [`only-${release}`]: `in ${release}` })
    const now = [...(publisher.last?.contents.keys() ?? [])]
    const collecting = collectGarbage({ directory, clock, retainedReleases: 2 })
    const reading = [...now, ...previous].map(async (sha256) => {
      const response = await fetch(`${stage.url}/site/objects/${sha256}`)
      await response.arrayBuffer()
      fetched++
      if (response.status !== 200) missed.push(`${release} ${sha256} ${response.status}`)
    })
    await Promise.all(reading)
    deleted += (await collecting).objects
    previous = now
    clock.at += 20 * 86_400_000
  }
  t.same(missed, [])
  t.ok(fetched > 20)
  t.ok(deleted > 0, 'old ones are gone after the grace time')
  t.ok(
    (await checkStore({ directory, clock: Date })).findings.every(
      (finding) => finding.kind !== 'object-missing',
    ),
  )
})

t.test('R46: a stop lets what runs finish and refuses what comes', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one' })
  const running = publisher.publish({ a: 'two', b: 'x'.repeat(400_000) }).catch(() => undefined)
  const stopping = stage.transmitter.stop()
  await Promise.all([running, stopping])
  const again = await startTransmitter(t, { directory: stage.directory })
  const after = new RawPublisher(again, 'site', publisher)
  t.ok([1, 2].includes(await after.headRelease()))
  t.same((await checkStore({ directory: stage.directory })).findings, [])
  await t.rejects(fetch(`${stage.url}/`), 'the old one listens no more')
})
