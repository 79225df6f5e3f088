import t from 'tap'
import { contradictions, recordHistories, type Recorded } from '../faults/publish-history.ts'

t.setTimeout(180_000)

function done(kind: Recorded['kind'], release: number, beganAt: number, endedAt: number): Recorded {
  return { kind, release, beganAt, endedAt }
}

t.test('R43: the model explains what may be, and nothing else', async (t) => {
  const one = done('publish', 1, 0, 10)
  t.same(contradictions([one, done('read', 0, 1, 2), done('read', 1, 3, 4)]), [])
  t.same(contradictions([one, done('publish', 2, 11, 20), done('read', 1, 12, 13)]), [])
  const wrong: readonly (readonly Recorded[])[] = [
    [one, done('read', 0, 11, 12)],
    [one, done('read', 2, 11, 12)],
    [one, done('read', 1, 1, 2), done('read', 0, 3, 4)],
    [one, done('publish', 3, 11, 20)],
    [one, done('publish', 1, 5, 20)],
    [one, done('publish', 2, 30, 40), done('read', 2, 11, 20)],
  ]
  for (const history of wrong) t.not(contradictions(history).length, 0, JSON.stringify(history))
})

// `node dist/test/faults/publish-history.js` records 1,000 histories.
t.test('R43: publishers that race and readers see one line of releases', async (t) => {
  const histories = await recordHistories(t, 4)
  for (const history of histories) {
    t.strictSame(contradictions(history), [])
    t.equal(history.filter(({ kind }) => kind === 'publish').length, 10)
  }
})
