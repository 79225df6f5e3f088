import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { digestOf, isLongwaveError } from '../../protocol/index.ts'
import { nodeRandomness, temporaryName } from '../../store/durable-files/index.ts'
import { createFileObjectStore } from '../../store/objects/index.ts'

// Two blocks with one MD5, published by Wang and others in 2004.
const colliding = [
  'd131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89' +
    '55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b' +
    'd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0' +
    'e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70',
  'd131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89' +
    '55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b' +
    'd8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0' +
    'e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70',
].map((hex) => Buffer.from(hex, 'hex'))

t.test('S70: files with one MD5 are two objects, and neither passes for the other', async (t) => {
  const [one, other] = colliding as [Buffer, Buffer]
  const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')
  t.equal(md5(one), md5(other))
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lw-identity-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const store = createFileObjectStore({ directory })
  for (const bytes of colliding) {
    const size = bytes.byteLength
    t.equal(await store.receive({ digest: digestOf(bytes), size, source: [bytes] }), 'stored')
  }
  for (const bytes of colliding) {
    t.same(await store.load(digestOf(bytes), { bytesMax: 1000 }), Uint8Array.from(bytes))
  }
  await store.delete(digestOf(one))
  const swapped = { digest: digestOf(one), size: one.byteLength, source: [other] }
  const error: unknown = await store.receive(swapped).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  t.ok(isLongwaveError(error, 'LW_STORE_DIGEST_MISMATCH'))
  t.notOk(await store.has(digestOf(one)))
})

t.test('S43: a million nonces, none twice', async (t) => {
  const seen = new Set<bigint>()
  for (let round = 0; round < 1000; round++) {
    const bytes = Buffer.from(nodeRandomness.bytes(16_000))
    for (let at = 0; at < bytes.byteLength; at += 16) seen.add(bytes.readBigUInt64LE(at))
  }
  t.equal(seen.size, 1_000_000)
  const names = new Set(Array.from({ length: 1000 }, () => temporaryName()))
  t.equal(names.size, 1000)
})
