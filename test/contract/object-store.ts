import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { type Digest, digestOf, emptyDigest, isLongwaveError } from '../../protocol/index.ts'
import type {
  IncomingObject,
  ObjectReader,
  ObjectStore,
  StoredObject,
} from '../../store/objects/index.ts'

/** A store together with what only its kind can do to it. */
export interface ObjectStoreUnderTest extends AsyncDisposable {
  readonly store: ObjectStore
  /** Changes one bit of a stored object behind the store's back. */
  flipBit(digest: Digest): Promise<void>
  /** Cuts a stored object short behind the store's back. */
  cutShort(digest: Digest): Promise<void>
  /** What lies about that is no object: temporary files and the like. */
  leftovers(): Promise<readonly string[]>
}

export function incoming(bytes: Uint8Array, chunkBytes = 1000): IncomingObject {
  return { digest: digestOf(bytes), size: bytes.byteLength, source: chunks(bytes, chunkBytes) }
}

export async function* chunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

export async function readAll(reader: ObjectReader | undefined): Promise<Buffer | undefined> {
  if (reader === undefined) return undefined
  const bytes = Buffer.alloc(reader.size)
  const count = await reader.read(0, bytes)
  await reader.close()
  return bytes.subarray(0, count)
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return isLongwaveError(error) ? error.code : String(error)
  }
}

async function* failingAfter(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('connection lost')
}

function digestsOf(objects: readonly StoredObject[]): Digest[] {
  return objects.map((object) => object.digest).sort()
}

/** What every kind of object store promises; `open` makes an empty one. */
export function objectStoreContract(t: Test, open: () => Promise<ObjectStoreUnderTest>): void {
  t.test('receives an object, and has, sizes, opens and loads it', async (t) => {
    await using under = await open()
    const { store } = under
    for (const bytes of [randomBytes(5000), Buffer.alloc(0), randomBytes(700_000)]) {
      const object = incoming(bytes)
      t.equal(await store.has(object.digest), false)
      t.equal(await store.size(object.digest), undefined)
      t.equal(await store.open(object.digest), undefined)
      t.equal(await store.receive(object), 'stored')
      t.equal(await store.has(object.digest), true)
      t.equal(await store.size(object.digest), bytes.byteLength)
      t.same(await readAll(await store.open(object.digest)), bytes)
      t.same(Buffer.from(await store.load(object.digest, { bytesMax: 1e6 })), bytes)
      t.equal(await store.verify(object.digest), 'sound')
    }
    t.equal(await store.has(emptyDigest), true)
    t.same(await under.leftovers(), [])
  })

  t.test('reads at a position, and fewer bytes only at the end', async (t) => {
    await using under = await open()
    const bytes = randomBytes(3000)
    await under.store.receive(incoming(bytes))
    await using reader = await under.store.open(digestOf(bytes))
    const part = Buffer.alloc(1000)
    t.equal(await reader?.read(1500, part), 1000)
    t.same(part, bytes.subarray(1500, 2500))
    t.equal(await reader?.read(2500, part), 500)
    t.equal(await reader?.read(3000, part), 0)
  })

  t.test('receiving an object again changes nothing and reads no source', async (t) => {
    await using under = await open()
    const bytes = randomBytes(100)
    await under.store.receive(incoming(bytes))
    const source = failingAfter(Buffer.alloc(1))
    const outcome = await under.store.receive({ ...incoming(bytes), source })
    t.equal(outcome, 'present')
    t.same(await readAll(await under.store.open(digestOf(bytes))), bytes)
  })

  t.test('S1: other bytes than announced are refused and nothing stays', async (t) => {
    await using under = await open()
    const { store } = under
    const bytes = randomBytes(5000)
    const object = incoming(bytes)
    const wrong: readonly IncomingObject[] = [
      { ...object, source: chunks(randomBytes(5000)) },
      { ...object, source: chunks(bytes.subarray(0, 4999)) },
      { ...object, source: chunks(Buffer.concat([bytes, Buffer.alloc(1)])) },
      { ...object, source: [] },
      { ...object, size: 4999, source: chunks(bytes) },
      { ...object, size: 5001, source: chunks(bytes) },
    ]
    for (const each of wrong) {
      t.equal(await codeOf(store.receive(each)), 'LW_STORE_DIGEST_MISMATCH')
      t.equal(await store.has(object.digest), false)
    }
    t.same(await under.leftovers(), [], 'S52')
  })

  t.test('S6: no more than the announced size is read from an unending source', async (t) => {
    await using under = await open()
    let given = 0
    const unending = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        given += 1000
        yield Buffer.alloc(1000)
      }
    }
    const object = { digest: digestOf('x'), size: 10_000, source: unending() }
    t.equal(await codeOf(under.store.receive(object)), 'LW_STORE_DIGEST_MISMATCH')
    t.equal(given, 11_000)
  })

  t.test('a source that fails leaves nothing and its error is passed on', async (t) => {
    await using under = await open()
    const bytes = randomBytes(2000)
    const object = { ...incoming(bytes), source: failingAfter(bytes.subarray(0, 1000)) }
    await t.rejects(under.store.receive(object), { message: 'connection lost' })
    const abort = new AbortController()
    abort.abort(new Error('enough'))
    const { signal } = abort
    await t.rejects(under.store.receive(incoming(bytes), { signal }), { message: 'enough' })
    t.same(await under.leftovers(), [])
    t.equal(await under.store.receive(incoming(bytes)), 'stored')
  })

  t.test('S52: nothing is left over after 1,000 failed receives', async (t) => {
    await using under = await open()
    let refused = 0
    for (let at = 0; at < 1000; at++) {
      const object = { digest: digestOf(`${at}`), size: 10, source: [Buffer.alloc(10)] }
      if ((await codeOf(under.store.receive(object))) === 'LW_STORE_DIGEST_MISMATCH') refused++
    }
    t.equal(refused, 1000)
    t.same(await under.leftovers(), [])
  })

  t.test('many receivers of one object at once all succeed', async (t) => {
    await using under = await open()
    const bytes = randomBytes(20_000)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => under.store.receive(incoming(bytes))),
    )
    t.ok(outcomes.includes('stored'))
    t.equal(await under.store.verify(digestOf(bytes)), 'sound')
    t.same(await under.leftovers(), [])
  })

  t.test('receives many and tells when they are durable', async (t) => {
    await using under = await open()
    const { store } = under
    const all = Array.from({ length: 1100 }, (_, at) => Buffer.from(`object ${at}`))
    await store.receive(incoming(all[7] ?? Buffer.alloc(0)))
    const durable: StoredObject[] = []
    const twice = [...all, ...all.slice(0, 10)]
    const summary = await store.receiveMany(
      twice.map((bytes) => incoming(bytes)),
      {
        onDurable: async (objects) => {
          t.same(await store.missing(objects.map((object) => object.digest)), new Set())
          durable.push(...objects)
        },
      },
    )
    t.equal(summary.storedObjects, 1099)
    t.equal(summary.presentObjects, 11)
    t.equal(durable.length, 1110)
    const listed = await collect(store.list())
    t.same(digestsOf(listed), all.map((bytes) => digestOf(bytes)).sort())
    t.same(await under.leftovers(), [])
  })

  t.test('receives many large ones in bounded groups', async (t) => {
    await using under = await open()
    const block = randomBytes(1024 * 1024)
    const objects = Array.from({ length: 5 }, (_, at) => {
      const bytes = Buffer.concat([Buffer.from([at]), ...Array<Buffer>(16).fill(block)])
      return incoming(bytes, 100_000)
    })
    const groups: number[] = []
    const onDurable = (group: readonly StoredObject[]): void => {
      groups.push(group.length)
    }
    const summary = await under.store.receiveMany(objects, { onDurable })
    t.equal(summary.storedBytes, 5 * (16 * 1024 * 1024 + 1))
    t.same(groups, [4, 1])
  })

  t.test(
    'of many, a wrong one fails the call; durable groups stay, the rest does not',
    async (t) => {
      await using under = await open()
      const good = Array.from({ length: 1100 }, (_, at) => incoming(Buffer.from(`good ${at}`)))
      const bad = { digest: digestOf('bad'), size: 3, source: [Buffer.from('BAD')] }
      const durable: StoredObject[] = []
      const receiving = under.store.receiveMany([...good, bad], {
        onDurable: (objects) => {
          durable.push(...objects)
        },
      })
      t.equal(await codeOf(receiving), 'LW_STORE_DIGEST_MISMATCH')
      t.ok(durable.length > 0)
      t.same(digestsOf(await collect(under.store.list())), digestsOf(durable))
      t.same(await under.leftovers(), [])
    },
  )

  t.test('missing says what the store lacks', async (t) => {
    await using under = await open()
    const present = Array.from({ length: 300 }, (_, at) => Buffer.from(`p${at}`))
    await under.store.receiveMany(present.map((bytes) => incoming(bytes)))
    const absent = Array.from({ length: 300 }, (_, at) => digestOf(`a${at}`))
    const asked = [...absent, ...present.map((bytes) => digestOf(bytes))]
    t.same(await under.store.missing(asked), new Set(absent))
    t.same(await under.store.missing([]), new Set())
  })

  t.test('deletes an object with its variants', async (t) => {
    await using under = await open()
    const { store } = under
    const bytes = randomBytes(10)
    const digest = digestOf(bytes)
    await store.receive(incoming(bytes))
    await store.putVariant(digest, 'br', [Buffer.from('compressed')])
    t.equal(await store.delete(digest), true)
    t.equal(await store.delete(digest), false)
    t.equal(await store.has(digest), false)
    t.equal(await store.openVariant(digest, 'br'), undefined)
    t.equal(await store.receive(incoming(bytes)), 'stored')
  })

  t.test('R22: a flipped bit is found by load, verify and scrub, and set aside', async (t) => {
    await using under = await open()
    const { store } = under
    const all = Array.from({ length: 6 }, () => randomBytes(3000))
    const digests = all.map((bytes) => digestOf(bytes))
    await store.receiveMany(all.map((bytes) => incoming(bytes)))
    const [a, b, c, d] = digests as [Digest, Digest, Digest, Digest]
    await under.flipBit(a)
    t.equal(await codeOf(store.load(a, { bytesMax: 1e6 })), 'LW_STORE_OBJECT_DAMAGED')
    t.equal(await store.verify(a), 'damaged')
    t.equal(await store.has(a), false)
    t.equal(await store.verify(a), 'absent')
    await under.flipBit(b)
    await under.cutShort(c)
    const findings = await collect(store.scrub())
    t.same(digestsOf(findings.filter((each) => each.state === 'damaged')), [b, c].sort())
    t.equal(findings.length, 5)
    t.same(await store.missing(digests), new Set([a, b, c]))
    await store.receiveMany(all.map((bytes) => incoming(bytes)))
    t.same(await store.missing(digests), new Set())
    await under.cutShort(d)
    t.equal(await store.receive(incoming(all[3] ?? Buffer.alloc(0))), 'stored', 'healed')
    t.ok((await collect(store.scrub())).every((each) => each.state === 'sound'))
  })

  t.test('announcing a wrong size does not push a sound object out', async (t) => {
    await using under = await open()
    const bytes = randomBytes(100)
    await under.store.receive(incoming(bytes))
    const outcome = await under.store.receive({ ...incoming(bytes), size: 99 })
    t.equal(outcome, 'present')
    t.equal(await under.store.verify(digestOf(bytes)), 'sound')
  })

  t.test('load refuses what is absent or too large', async (t) => {
    await using under = await open()
    const bytes = randomBytes(100)
    await under.store.receive(incoming(bytes))
    t.equal(
      await codeOf(under.store.load(digestOf('?'), { bytesMax: 9 })),
      'LW_STORE_OBJECT_MISSING',
    )
    t.equal(await codeOf(under.store.load(digestOf(bytes), { bytesMax: 99 })), 'LW_STORE_LIMIT')
  })

  t.test(
    'variants lie beside their object; scrub drops those that decode to something else',
    async (t) => {
      const { brotliCompressSync } = await import('node:zlib')
      await using under = await open()
      const { store } = under
      const all = [1, 2, 3].map((at) => Buffer.alloc(5000, `${at}`))
      await store.receiveMany(all.map((bytes) => incoming(bytes)))
      const [a, b, c] = all.map((bytes) => digestOf(bytes)) as [Digest, Digest, Digest]
      const compressed = brotliCompressSync(all[0] ?? '')
      await store.putVariant(a, 'br', chunks(compressed, 10))
      await store.putVariant(b, 'br', [compressed])
      await store.putVariant(c, 'br', [Buffer.from('no brotli at all')])
      t.same(await readAll(await store.openVariant(a, 'br')), compressed)
      t.equal((await collect(store.list())).length, 3)
      await collect(store.scrub())
      t.same(await readAll(await store.openVariant(a, 'br')), compressed)
      t.equal(await store.openVariant(b, 'br'), undefined)
      t.equal(await store.openVariant(c, 'br'), undefined)
      await store.putVariant(b, 'br', [compressed.subarray(0, 9)])
      await collect(store.scrub())
      t.equal(await store.openVariant(b, 'br'), undefined, 'cut short')
    },
  )

  t.test('C12: a partial object goes on where it stopped', async (t) => {
    await using under = await open()
    const { store } = under
    const bytes = randomBytes(10_000)
    const expected = { digest: digestOf(bytes), size: bytes.byteLength }
    {
      await using partial = await store.openPartial('k-1')
      t.equal(partial.bytes, 0)
      await partial.append(0, chunks(bytes.subarray(0, 2500)))
      await t.rejects(partial.append(2500, failingAfter(bytes.subarray(2500, 4000))))
      t.equal(partial.bytes, 4000)
      t.equal(await codeOf(partial.append(2500, [])), 'LW_STORE_PARTIAL')
      t.equal(await codeOf(store.openPartial('k-1')), 'LW_STORE_LOCKED')
    }
    await using partial = await store.openPartial('k-1')
    t.equal(partial.bytes, 4000)
    await partial.append(4000, chunks(bytes.subarray(4000)))
    t.equal(await partial.finish(expected), 'stored')
    t.same(await readAll(await store.open(expected.digest)), bytes)
    await using again = await store.openPartial('k-1')
    t.equal(again.bytes, 0)
    await again.append(0, chunks(bytes))
    t.equal(await again.finish(expected), 'present')
    t.same(await under.leftovers(), [])
  })

  t.test('a partial object that is not what was announced is refused and gone', async (t) => {
    await using under = await open()
    const { store } = under
    const partial = await store.openPartial('k')
    await partial.append(0, [Buffer.from('abc')])
    const expected = { digest: digestOf('abd'), size: 3 }
    t.equal(await codeOf(partial.finish(expected)), 'LW_STORE_DIGEST_MISMATCH')
    t.equal(await store.has(expected.digest), false)
    const next = await store.openPartial('k')
    t.equal(next.bytes, 0)
    await next.discard()
    t.same(await under.leftovers(), [])
  })

  t.test('S14: keys of partial objects cannot name other files', async (t) => {
    await using under = await open()
    for (const key of ['', '.', '..', '../x', 'a/b', 'a\\b', '.x', 'a\0', 'x'.repeat(129)]) {
      t.equal(await codeOf(under.store.openPartial(key)), 'LW_STORE_LIMIT', JSON.stringify(key))
    }
  })

  t.test('tidy removes partial objects that nobody went on with', async (t) => {
    await using under = await open()
    const { store } = under
    const partial = await store.openPartial('old')
    await partial.append(0, [Buffer.from('abc')])
    const far = Date.now() + 1e9
    t.match(await store.tidy({ partialsUntouchedSinceMs: far }), { partials: 0 }, 'it is open')
    await partial.close()
    t.match(await store.tidy({ partialsUntouchedSinceMs: 0 }), { partials: 0 })
    t.match(await store.tidy({ partialsUntouchedSinceMs: far }), { partials: 1 })
    t.same(await under.leftovers(), [])
  })
}
