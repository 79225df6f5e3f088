import t from 'tap'
import { attributesOf, codeHead } from '../../delta/bundle/bundle-head.ts'
import { encodeHeader, noBulk, shortId } from '../../delta/bundle/container.ts'
import { FileModels } from '../../delta/bundle/file-models.ts'
import { planRelease } from '../../delta/bundle/plan-release.ts'
import { unlimited } from '../../delta/bundle/make-streams.ts'
import { chooseSizes, codeSettings, noPrimer } from '../../delta/bundle/model-settings.ts'
import { codeViews, noViews } from '../../delta/bundle/view-coder.ts'
import { BinaryEncoder } from '../../delta/entropy/binary-encoder.ts'
import { expectationOf } from '../../delta/index.ts'
import { digestOf, isLongwaveError } from '../../protocol/index.ts'
import { hostileCases, sweepMutations } from './delta-mutations.ts'
import { applied, releaseOf } from './delta-releases.ts'

// Machines may be busy: this is no measurement.
t.setTimeout(180_000)

t.test('S50: 2,000 damaged bundles are refused by name or harmless', async (t) => {
  const { findings, refused, harmless } = await sweepMutations(7, 2000)
  t.same(findings, [])
  t.equal(refused + harmless, 2000)
  t.ok(refused > 1500, `${refused} refused`)
})

t.test('S50: a bundle that is cut anywhere is refused', async (t) => {
  const { old, next, bundle } = hostileCases(3)[0] as ReturnType<typeof hostileCases>[0]
  const expect = expectationOf(next.manifest)
  let refused = 0
  const step = Math.max(1, Math.floor(bundle.length / 400))
  for (let length = 0; length < bundle.length - 4; length += step) {
    const cut = bundle.slice(0, length)
    await t.rejects(applied(old, cut, expect), { name: 'LongwaveError' }, `at ${length}`)
    refused++
  }
  t.ok(refused > 300)
})

t.test('S51: a bundle for another base is refused before anything is written', async (t) => {
  const { next, bundle } = hostileCases(3)[0] as ReturnType<typeof hostileCases>[0]
  const other = releaseOf({ 'a.txt': 'something else' })
  await t.rejects(applied(other, bundle, expectationOf(next.manifest)), { code: 'LW_DELTA_BASE' })
})

t.test('S51: an old object that is not what its digest says gives no release', async (t) => {
  const { old, next, bundle } = hostileCases(3)[0] as ReturnType<typeof hostileCases>[0]
  const objects = new Map([...old.objects].map(([digest, bytes]) => [digest, bytes.slice()]))
  for (const bytes of objects.values())
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) + 1
  const error = await applied({ ...old, objects }, bundle, expectationOf(next.manifest)).catch(
    (error: unknown) => error,
  )
  t.ok(isLongwaveError(error), 'refused by name')
})

t.test('S35: a bundle that claims more than is signed is refused', async (t) => {
  const { old, next, bundle } = hostileCases(3)[0] as ReturnType<typeof hostileCases>[0]
  const expect = expectationOf(next.manifest)
  const claims = [
    { ...expect, totalBytes: expect.totalBytes >> 1 },
    { ...expect, largestFileBytes: 100 },
    { ...expect, entries: expect.entries - 1 },
    { ...expect, entries: expect.entries + 1 },
  ]
  for (const claim of claims) {
    await t.rejects(applied(old, bundle, claim), { code: 'LW_DELTA_LIMIT' })
  }
  await t.rejects(applied(old, bundle, { ...expect, manifestBytes: expect.manifestBytes + 1 }), {
    code: 'LW_DELTA_RESULT',
  })
})

t.test('unknown versions and features are refused by name', async (t) => {
  const { old, next, bundle } = hostileCases(3)[1] as ReturnType<typeof hostileCases>[0]
  const expect = expectationOf(next.manifest)
  const version = bundle.slice()
  version[3] = 0x32
  await t.rejects(applied(old, version, expect), { code: 'LW_DELTA_FORMAT' })
  const feature = bundle.slice()
  feature[8] = 0x80
  await t.rejects(applied(old, feature, expect), { code: 'LW_DELTA_FORMAT' })
})

t.test('S50: operations that do nothing are refused, not repeated', async (t) => {
  const old = releaseOf({ a: 'some old bytes' })
  const next = releaseOf({ a: 'some new bytes' }, { release: 2 })
  const { old: oldRelease, next: manifest, script, plan } = planRelease(old.manifest, next.manifest)
  const coder = new BinaryEncoder()
  codeHead(coder, oldRelease, unlimited, { attributes: attributesOf(manifest), script, extras: [] })
  codeViews(coder, plan, noViews)
  const settings = codeSettings(
    coder,
    { sizes: chooseSizes(0, 0), primer: noPrimer },
    plan.baseBytes,
  )
  const models = new FileModels(coder, settings.sizes)
  models.codeCoding({ copies: 'exact', literals: 'modelled', differences: 'modelled' })
  const { doors } = coder.kernel
  doors.beginEncodingFile(0, 14)
  const copyNothing = (): void => {
    doors.encodeLength(0, 14)
    doors.mark(0x73)
  }
  copyNothing()
  for (let i = 0; i < 100_000; i++) {
    doors.encodeLiteralCount(0, 14)
    doors.encodePlace(0, 0, 0, 0)
    copyNothing()
  }
  const header = encodeHeader({
    oldManifest: shortId(digestOf(old.manifest)),
    bulk: noBulk,
  })
  const bundle = new Uint8Array(Buffer.concat([header, coder.finish()]))
  await t.rejects(applied(old, bundle, expectationOf(next.manifest)), {
    code: 'LW_DELTA_FORMAT',
    detail: 'An operation that does nothing.',
  })
})
