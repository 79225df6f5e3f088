import t from 'tap'
import { measureOneChange } from '../support/one-change.ts'

// `node dist/bench/wire/main.js` does the same with 100,000 files.
for (const form of ['live', 'static'] as const) {
  t.test(`C18: one changed file of 10,000 takes under 5 KB on the wire, ${form}`, async (t) => {
    const { up, down, route, bytes, idleBytes } = await measureOneChange({ form, files: 10_000 })
    t.comment(`${up} up, ${down} down, ${idleBytes} when nothing changed`)
    t.equal(route, 'bundle')
    t.equal(bytes['manifest'], 0, 'the new manifest came with the bundle')
    t.ok(up + down < 5000, `${up + down} bytes in all`)
    t.ok(idleBytes < 1000, `${idleBytes} bytes when nothing changed`)
  })
}
