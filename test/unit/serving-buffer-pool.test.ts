import t from 'tap'
import { BufferPool } from '../../serving/buffer-pool.ts'
import { servingLimits } from '../../serving/index.ts'

const KiB = 1024

t.test('a buffer is the least that holds what is wanted, and is used again', async (t) => {
  const pool = new BufferPool()
  t.equal(pool.take(1).byteLength, 16 * KiB)
  t.equal(pool.take(16 * KiB + 1).byteLength, 64 * KiB)
  const large = pool.take(1e9)
  t.equal(large.byteLength, 256 * KiB)
  pool.giveBack(large)
  t.equal(pool.take(1e9), large)
})

t.test('S58: when much is in use, everybody gets along with little', async (t) => {
  const pool = new BufferPool()
  const taken: Buffer[] = []
  while (!pool.isShort) taken.push(pool.take(1e9))
  t.equal(pool.take(1e9).byteLength, 16 * KiB)
  t.ok(pool.usedBytes <= servingLimits.inFlightBytesMax + 512 * KiB)
  for (const buffer of taken) pool.giveBack(buffer)
  t.equal(pool.usedBytes, 16 * KiB)
  t.equal(pool.take(1e9).byteLength, 256 * KiB)
})

t.test('no more is kept than the limit says; what is forgotten is not counted', async (t) => {
  const pool = new BufferPool()
  const count = servingLimits.pooledBytesMax / (256 * KiB) + 10
  const taken = Array.from({ length: count }, () => pool.take(1e9))
  for (const buffer of taken) pool.giveBack(buffer)
  const again = Array.from({ length: count }, () => pool.take(1e9))
  t.equal(again.filter((buffer) => taken.includes(buffer)).length, count - 10)
  pool.forget(count * 256 * KiB)
  t.equal(pool.usedBytes, 0)
})
