import t from 'tap'
import { bundleFormat } from '../../delta/index.ts'
import {
  checkDocument,
  type RouteOffer,
  RouteOffer as RouteOfferSchema,
} from '../../protocol/index.ts'
import {
  noise,
  RawPublisher,
  startTransmitter,
  type TransmitterStage,
} from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

interface Asked {
  readonly status: number
  readonly offer: RouteOffer
  readonly headers: Headers
}

async function ask({ url }: TransmitterStage, from: number, to: number): Promise<Asked> {
  const response = await fetch(`${url}/site/deltas/${from}..${to}`)
  const { status, headers } = response
  return { status, headers, offer: checkDocument(RouteOfferSchema, await response.json()) }
}

function pages(release: number): Record<string, string> {
  const files: Record<string, string> = {}
  for (let page = 0; page < 12; page++) {
    files[`page-${page}.html`] =
      `<h1>${page}</h1>${Buffer.from(`${page}`.repeat(3000)).toString('base64')}`
  }
  files['page-0.html'] += `news of release ${release}`
  return files
}

async function metric({ url }: TransmitterStage, line: RegExp): Promise<number> {
  const text = await (await fetch(`${url}/-/metrics`)).text()
  return Number(line.exec(text)?.[1] ?? 0)
}

t.test(
  'C23: a bundle is offered between releases, made once for any number of askers',
  async (t) => {
    const stage = await startTransmitter(t)
    const publisher = new RawPublisher(stage, 'site')
    await publisher.publish(pages(1))
    await publisher.publish(pages(2))
    const asked = await Promise.all(Array.from({ length: 20 }, () => ask(stage, 1, 2)))
    for (const { status, headers, offer } of asked) {
      t.ok([200, 202].includes(status))
      t.equal(headers.get('cache-control'), 'no-store')
      if (status === 202) {
        t.equal(headers.get('retry-after'), '1')
        t.equal(offer.sha256, undefined)
      }
    }
    await stage.transmitter.idle()
    const { status, offer } = await ask(stage, 1, 2)
    t.equal(status, 200)
    t.match(offer, { from: 1, to: 2, format: bundleFormat })
    t.ok((offer.bytes ?? 1e9) < (offer.wholeBytes ?? 0), `${offer.bytes} < ${offer.wholeBytes}`)
    const bundle = await fetch(`${stage.url}/site/deltas/1..2/${offer.sha256}`)
    t.equal(bundle.status, 200)
    t.match(bundle.headers.get('cache-control'), 'immutable')
    t.equal((await bundle.arrayBuffer()).byteLength, offer.bytes)
    const made = await metric(
      stage,
      /longwave_channel_bundles_total\{channel="site",kind="ready"\} (\d+)/,
    )
    t.ok(made <= 4, `${made} makings: 0..1, 0..2 or 1..2 fast, 1..2 best`)
    const first = await ask(stage, 0, 2)
    t.equal(first.status, 200)
    t.ok((first.offer.bytes ?? 1e9) < (first.offer.wholeBytes ?? 0))
    t.equal(
      (await fetch(`${stage.url}/site/objects/${offer.sha256}`)).status,
      404,
      'it is no object',
    )
  },
)

t.test('DESIGN 6: what is not smaller than the objects is not offered', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ same: 'same', other: noise(40_000) })
  await publisher.publish({ same: 'same', other: noise(40_000) })
  await stage.transmitter.idle()
  const { status, offer } = await ask(stage, 1, 2)
  t.equal(status, 200)
  if (offer.sha256 !== undefined) t.ok((offer.bytes ?? 1e9) < (offer.wholeBytes ?? 0))
  t.ok((offer.wholeBytes ?? 0) >= 40_000)
  const single = await ask(stage, 0, 2)
  t.equal(single.status, 200, 'a few objects need no bundle')
  t.equal(single.offer.sha256, undefined)
})

t.test('DESIGN 6: bundles of old heads are steps of a chain, each with its figures', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  for (let release = 1; release <= 4; release++) {
    await publisher.publish(pages(release))
    await stage.transmitter.idle()
  }
  const { offer } = await ask(stage, 1, 4)
  t.match(
    offer.chain?.map(({ from, to }) => [from, to]),
    [
      [1, 2],
      [2, 3],
      [3, 4],
    ],
  )
  t.match(offer.chain?.[0]?.figures, { entries: 12, manifest: /^[0-9a-f]{64}$/ })
  t.equal(offer.chain?.[2]?.figures, undefined, 'the last one is signed')
  for (const step of offer.chain ?? []) {
    const response = await fetch(`${stage.url}/site/deltas/${step.from}..${step.to}/${step.sha256}`)
    t.equal((await response.arrayBuffer()).byteLength, step.bytes)
  }
})

t.test('DESIGN 5: TO is the head, FROM is retained, everything else is 404', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish(pages(1))
  await publisher.publish(pages(2))
  for (const range of [
    '0..1',
    '2..2',
    '2..1',
    '1..3',
    '3..4',
    '9..2',
    '00..2',
    '1..02',
    '1-2',
    '-1..2',
  ]) {
    const response = await fetch(`${stage.url}/site/deltas/${range}`)
    await response.arrayBuffer()
    t.equal(response.status, 404, range)
  }
})

t.test('R46: a stop ends a making, and the next process begins it anew', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish(pages(1))
  await publisher.publish(pages(2))
  const again = await stage.restart()
  const { status } = await ask(again, 1, 2)
  t.ok([200, 202].includes(status), 'not given up')
  await again.transmitter.idle()
  t.ok((await ask(again, 1, 2)).offer.sha256)
})
