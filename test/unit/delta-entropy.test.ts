import fc from 'fast-check'
import t, { type Test } from 'tap'
import { AdaptiveBits } from '../../delta/entropy/adaptive-bits.ts'
import { BinaryDecoder } from '../../delta/entropy/binary-decoder.ts'
import { BinaryEncoder } from '../../delta/entropy/binary-encoder.ts'
import type { BinaryCoder } from '../../delta/entropy/binary-coder.ts'
import { NumberModel } from '../../delta/entropy/number-model.ts'
import { TextModel } from '../../delta/entropy/text-model.ts'
import { loadKernel } from '../../delta/kernels/load-kernel.ts'

/** Hands out bytes in small pieces, as a file does. */
function decoderOf(bytes: Uint8Array): BinaryDecoder {
  let at = 0
  return new BinaryDecoder(() => {
    at += 3
    return bytes.subarray(at - 3, at)
  })
}

function roundTrip<Value>(
  value: Value,
  code: (coder: BinaryCoder, value: Value | undefined) => Value,
): Value {
  const encoder = new BinaryEncoder()
  code(encoder, value)
  return code(decoderOf(encoder.finish()), undefined)
}

/** A property as an assertion: a counterexample is shown with its seed. */
function holds<Values>(
  t: Test,
  property: fc.IProperty<Values>,
  parameters: fc.Parameters<Values> = {},
): void {
  const found = fc.check(property, parameters)
  t.notOk(found.failed, fc.defaultReportMessage(found) ?? `${found.numRuns} runs`)
}

t.test('decisions of any probability come back', async (t) => {
  const decision = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 1, max: 65534 }))
  holds(
    t,
    fc.property(fc.array(decision, { maxLength: 400 }), (decisions) => {
      const bits = roundTrip(
        decisions.map(([bit]) => bit),
        (coder, given) => decisions.map(([, p], i) => coder.code(given?.[i] ?? 0, p)),
      )
      return bits.every((bit, i) => bit === decisions[i]?.[0])
    }),
  )
})

t.test('carries run through long chains of ones', async (t) => {
  for (const p of [1, 2, 32768, 65533, 65534]) {
    for (const bit of [0, 1]) {
      const decisions = Array.from({ length: 3000 }, (_, i) => (i % 501 === 500 ? 1 - bit : bit))
      const back = roundTrip(decisions, (coder, given) =>
        decisions.map((_, i) => coder.code(given?.[i] ?? 0, p)),
      )
      t.same(back, decisions, `probability ${p}, bit ${bit}`)
    }
  }
})

t.test('numbers up to 2^52 come back, of either sign', async (t) => {
  const numbers = fc.array(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), { maxLength: 60 })
  holds(
    t,
    fc.property(numbers, (values) => {
      const back = roundTrip(values, (coder, given) => {
        const model = new NumberModel(coder, 2)
        return values.map((_, i) => model.codeSigned(i & 1, given?.[i] ?? 0))
      })
      return back.every((value, i) => value === values[i])
    }),
  )
})

t.test('bytes and texts come back', async (t) => {
  holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      const back = roundTrip(bytes, (coder, given) => {
        const { doors } = coder.kernel
        const model = doors.createShortModel()
        let last = 0
        return bytes.map((_, i) => {
          const byte = given?.[i] ?? 0
          last = doors.codeTextByte(model, 0, last, 0, 0, 0, 0, last, i % 32, i % 16, byte)
          return last
        })
      })
      return Buffer.compare(back, bytes) === 0
    }),
    { numRuns: 30 },
  )
  const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((s) => s.replaceAll('\0', ''))
  holds(
    t,
    fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
      const back = roundTrip(texts, (coder, given) => {
        const model = new TextModel(coder)
        return texts.map((_, i) => model.code(given?.[i] ?? '', 1000, texts[i - 1] ?? ''))
      })
      return back.every((value, i) => value === texts[i])
    }),
    { numRuns: 30 },
  )
})

t.test('what is likely costs little', async (t) => {
  const encoder = new BinaryEncoder()
  const bits = new AdaptiveBits(encoder, 1, 1023)
  for (let i = 0; i < 100_000; i++) bits.code(0, i % 10_000 === 9_999 ? 1 : 0)
  t.ok(encoder.finish().length < 60)
})

t.test('a stream that ends too early is noticed', async (t) => {
  const decoder = decoderOf(new Uint8Array(1))
  t.throws(
    () => {
      for (let i = 0; i < 1000; i++) decoder.code(0, 32768)
    },
    { code: 'LW_DELTA_FORMAT' },
  )
})

t.test('the tables of the logistic domain are what the format says', async (t) => {
  interface Tables {
    begin(decoding: number): void
    readonly squashAt: { readonly value: number }
    readonly stretchAt: { readonly value: number }
  }
  const { exports, buffer } = loadKernel<Tables>({
    url: new URL('../../delta/entropy/kernel/kernel.wasm', import.meta.url),
    memoryBytes: 1 << 24,
    imports: { stop: () => {}, refill: () => 0, drain: () => {} },
  })
  exports.begin(0)
  const squashTable = new Uint16Array(buffer, exports.squashAt.value, 6144)
  const stretchTable = new Int16Array(buffer, exports.stretchAt.value, 4096)
  t.equal(squashTable[3072], 32768)
  t.equal(stretchTable[32768 >> 4], 0)
  t.ok(
    squashTable.every((p, i) => i === 0 || p >= (squashTable[i - 1] ?? 0)),
    'rising',
  )
  t.equal(
    squashTable.reduce((sum, p, i) => (Math.imul(sum, 31) + p + i) | 0, 0),
    -1619869409,
  )
  const smallest = (p: number): number =>
    Math.min(
      6143,
      Math.max(
        1,
        squashTable.findIndex((squashed) => squashed >= p),
      ),
    ) - 3072
  t.ok(stretchTable.every((s, p) => p > 4095 - 2 || s === smallest(p << 4)))
})
