import fc from 'fast-check'
import t from 'tap'
import type { BundleOffer, ChannelName } from '../../protocol/index.ts'
import { isObsolete } from '../../transmitter/bundles/bundle-service.ts'
import { cheapestChain } from '../../transmitter/bundles/chain.ts'
import { HeldReleases } from '../../transmitter/bundles/held-releases.ts'
import { isUsefulBundle } from '../../transmitter/bundles/useful-bundles.ts'
import { transmitterLimits as limits } from '../../transmitter/index.ts'
import { MakingBudget } from '../../transmitter/making-budget.ts'

function step(from: number, to: number, bytes: number): BundleOffer {
  return { from, to, bytes, format: 'f', sha256: '0'.repeat(64) }
}

const name = 'site' as ChannelName

t.test('DESIGN 6: the cheapest chain of at least two steps, or none', async (t) => {
  const steps = [step(1, 2, 10), step(2, 4, 10), step(2, 3, 1), step(3, 4, 2), step(1, 4, 5)]
  t.same(cheapestChain(steps, 1, 4), [step(1, 2, 10), step(2, 3, 1), step(3, 4, 2)])
  t.equal(cheapestChain([step(1, 4, 5)], 1, 4), undefined, 'one step is no chain')
  t.equal(cheapestChain(steps, 0, 4), undefined)
  t.equal(cheapestChain([], 1, 2), undefined)
  const long = Array.from({ length: 20 }, (_, at) => step(at, at + 1, 1))
  t.equal(cheapestChain(long, 0, 20), undefined, 'more steps than are worth their round trips')
})

t.test(
  'DESIGN 6: a chain starts where it should, goes on where it ended, and is cheapest',
  async (t) => {
    const bundles = fc.array(
      fc.tuple(fc.nat(6), fc.nat(6), fc.integer({ min: 1, max: 50 })).filter(([a, b]) => a < b),
      { maxLength: 14 },
    )
    fc.assert(
      fc.property(bundles, (tuples) => {
        const steps = tuples.map(([from, to, bytes]) => step(from, to, bytes))
        const chain = cheapestChain(steps, 0, 6)
        const best = cheapest(
          steps.filter((each) => each.from > 0 || each.to < 6),
          0,
        )
        if (chain === undefined) return best === Number.POSITIVE_INFINITY
        const isJoined = chain.every((each, at) => each.from === (chain[at - 1]?.to ?? 0))
        const bytes = chain.reduce((sum, each) => sum + each.bytes, 0)
        return isJoined && chain.at(-1)?.to === 6 && bytes === best
      }),
    )
    t.pass('the property holds')
  },
)

/** Every way tried: the slow and plain answer. */
function cheapest(steps: readonly BundleOffer[], at: number): number {
  if (at === 6) return 0
  const ways = steps.filter((each) => each.from === at)
  return Math.min(...ways.map((each) => each.bytes + cheapest(steps, each.to)))
}

t.test('C23: bundles stay while a tuner may need them', async (t) => {
  const channel = { headRelease: 20, retained: new Set([1, 11, 12, 13, 14, 18, 19, 20]) }
  const table: readonly (readonly [number, number, boolean])[] = [
    [0, 20, true],
    [1, 20, true],
    [2, 20, false],
    [19, 20, true],
    [18, 19, true],
    [1, 19, false],
    [0, 19, false],
    [13, 14, true],
    [11, 12, false],
    [10, 11, false],
  ]
  for (const [fromRelease, toRelease, isUseful] of table) {
    const bundle = { fromRelease, toRelease, state: 'ready' } as const
    t.equal(isUsefulBundle(bundle, channel), isUseful, `${fromRelease}..${toRelease}`)
  }
  t.notOk(isUsefulBundle({ fromRelease: 18, toRelease: 19, state: 'failed' }, channel))
})

t.test('C23: what tuners hold is counted in bounds, the most frequent first', async (t) => {
  const held = new HeldReleases()
  for (let release = 1; release <= 100; release++) held.note(name, release)
  for (let time = 0; time < 30; time++) held.note(name, 7)
  for (let time = 0; time < 20; time++) held.note(name, 9)
  held.note(name, 0)
  const taken = held.take(name)
  t.same(taken.slice(0, 2), [7, 9])
  t.equal(taken.length, limits.heldReleasesPrepared)
  t.notOk(taken.includes(0))
  t.same(held.take(name), [], 'the counting starts again')
})

t.test('DESIGN 6: a channel’s making time is bounded, and comes back', async (t) => {
  const clock = { at: 0, now: () => clock.at }
  const budget = new MakingBudget(clock, limits.bundleBudgetMs)
  t.notOk(budget.isSpent(name))
  budget.spend(name, limits.bundleBudgetMs)
  t.ok(budget.isSpent(name))
  t.notOk(budget.isSpent('other' as ChannelName))
  clock.at += limits.makingWindowMs
  t.notOk(budget.isSpent(name))
})

t.test('C23: a making that no tuner will ask for any more is abandoned', async (t) => {
  const task = (from: number, to: number, effort: 'fast' | 'best' = 'fast') => ({
    key: { channel: name, fromRelease: from, toRelease: to, format: 'f' },
    effort,
  })
  t.ok(isObsolete(task(0, 1), name, 2), 'a first fetch of what is no longer the newest')
  t.ok(isObsolete(task(2, 5), name, 6), 'a leap to it')
  t.ok(isObsolete(task(4, 5, 'best'), name, 6), 'a step that there is already, only smaller')
  t.notOk(isObsolete(task(4, 5), name, 6), 'a step of a chain')
  t.notOk(isObsolete(task(0, 6), name, 6), 'the head')
  t.notOk(isObsolete(task(0, 1), 'other' as ChannelName, 2), 'another channel')
})
