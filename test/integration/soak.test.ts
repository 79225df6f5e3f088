import t from 'tap'
import { soak } from '../faults/soak.ts'

t.setTimeout(180_000)

// `node dist/test/faults/soak.js` does 10,000 cycles, `--faults` goes on for 20 minutes.
const shared = { cycles: 100, seconds: 60, seed: 7 }

t.test('R41: updating again and again leaves no file and no timer behind', async (t) => {
  const { broken, descriptors, timers, updates, cycles } = await soak({
    ...shared,
    hasFaults: false,
  })
  t.strictSame(broken, [])
  t.equal(updates, cycles)
  t.ok(descriptors.after <= descriptors.before, JSON.stringify(descriptors))
  t.ok(timers.after <= timers.before + 2, JSON.stringify(timers))
})

t.test('R40: random faults and starts break no copy and leave nothing open', async (t) => {
  const { broken, descriptors, timers, updates, refused } = await soak({
    ...shared,
    hasFaults: true,
  })
  t.strictSame(broken, [])
  t.ok(updates > 10, `${updates} updates`)
  t.ok(refused > 10, `${refused} refused`)
  t.ok(descriptors.after <= descriptors.before, JSON.stringify(descriptors))
  t.ok(timers.after <= timers.before + 4, JSON.stringify(timers))
})
