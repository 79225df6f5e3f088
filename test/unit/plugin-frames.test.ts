import fc from 'fast-check'
import t from 'tap'
import { encodeFrame, FrameReader } from '../../transmitter/plugins/frames.ts'

t.test('C48: messages arrive as they were sent, however the stream is cut', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
      (values, cuts) => {
        const stream = Buffer.concat(values.map((value) => encodeFrame(value, 1024 * 1024)))
        const reader = new FrameReader(1024 * 1024)
        const read: unknown[] = []
        for (let at = 0, cut = 0; at < stream.byteLength; cut++) {
          const end = at + (cuts[cut % cuts.length] ?? 1)
          read.push(...reader.push(stream.subarray(at, end)))
          at = end
        }
        return JSON.stringify(read) === JSON.stringify(values)
      },
    ),
    { numRuns: 200 },
  )
  t.pass('200 streams')
  t.end()
})

t.test('S68: a message that is announced too large is refused before it is taken', (t) => {
  const reader = new FrameReader(1000)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(1001)
  t.throws(() => [...reader.push(head)], RangeError)
  t.throws(() => encodeFrame('x'.repeat(1000), 1000), RangeError)
  t.throws(
    () => [...new FrameReader(1000).push(Buffer.from('\0\0\0\x02{]', 'latin1'))],
    SyntaxError,
  )
  t.end()
})
