import { cpSync, rmSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import { checkStore, collectGarbage } from '../../transmitter/index.ts'
import { FaultFileSystem, Killed, sweepFaults } from '../faults/index.ts'
import {
  noise,
  RawPublisher,
  startTransmitter,
  temporaryFolder,
  type TransmitterStage,
} from '../support/transmitter-stage.ts'

t.setTimeout(3_600_000)

/** Every how many operations one breaks; LONGWAVE_SWEEP=1 breaks each of them. */
const stride = Number(process.env['LONGWAVE_SWEEP'] ?? 13)

const before = { kept: 'kept', changed: 'before', large: noise(1_100_000) }
const after = { kept: 'kept', changed: 'after', added: 'added', large: noise(2_100_000) }

/** What a test may still stop at the end although a fault stopped it before. */
function tolerant(t: { teardown(done: () => unknown): void }) {
  return {
    teardown: (done: () => unknown) =>
      t.teardown(() => Promise.resolve(done()).catch(() => undefined)),
  }
}

/** Publishes the second release: small objects, a piece-wise one, and what follows a commit. */
async function publishSecond(stage: TransmitterStage, like: RawPublisher): Promise<void> {
  const publisher = new RawPublisher(stage, 'site', like)
  const draft = publisher.draft(after)
  const begun = await publisher.begin(draft)
  if (begun.status !== 200) throw new Error(`begin ${begun.status}`)
  const large = digestOf(after.large)
  const small = begun.body.missing.filter((row) => row.sha256 !== large)
  const parts = small.map(({ sha256 }) => ({
    name: { kind: 'object', sha256 } as const,
    bytes: draft.contents.get(sha256) ?? new Uint8Array(),
  }))
  const half = after.large.byteLength >> 1
  const received = begun.body.missing.find((row) => row.sha256 === large)?.received
  const segment = (offset: number, end: number) => ({
    name: { kind: 'segment', sha256: large, offset } as const,
    bytes: after.large.subarray(offset, end),
  })
  const end = after.large.byteLength
  const pieces =
    received === undefined
      ? []
      : received === 0
        ? [segment(0, half), segment(half, end)]
        : [segment(received, end)]
  for (const send of [parts, ...pieces.map((piece) => [piece])]) {
    if (send.length === 0) continue
    const sent = await publisher.send(begun.body.upload, send)
    if (sent.status !== 200) throw new Error(`objects ${sent.status}`)
  }
  const done = await publisher.commit(begun.body.upload, publisher.commitRequest(draft))
  if (done.status !== 200) throw new Error(`commit ${done.status}`)
}

t.test('R10: a publish that breaks anywhere leaves the old release or the new one', async (t) => {
  const quiet = tolerant(t)
  const template = path.join(temporaryFolder(t), 'transmitter')
  const origin = await startTransmitter(t, { directory: template })
  const founder = new RawPublisher(origin, 'site')
  await founder.publish(before)
  await origin.transmitter.idle()
  await origin.transmitter.stop()
  const root = temporaryFolder(t)
  let point = 0
  const result = await sweepFaults<string>({
    stride,
    async prepare() {
      const directory = path.join(root, String(++point))
      cpSync(template, directory, { recursive: true })
      return directory
    },
    async act(fileSystem, directory) {
      let stage: TransmitterStage | undefined
      try {
        stage = await startTransmitter(quiet, { directory, fileSystem })
        await publishSecond(stage, founder)
        await stage.transmitter.idle()
        await stage.transmitter.stop()
      } catch (error) {
        await stage?.transmitter.stop().catch(() => undefined)
        const isKilled = fileSystem instanceof FaultFileSystem && fileSystem.isKilled
        throw isKilled ? new Killed() : error
      }
    },
    async recover(directory) {
      // The dead process's places: its number is this test's own, which lives.
      rmSync(path.join(directory, 'claims'), { recursive: true, force: true })
    },
    async check(directory) {
      const stage = await startTransmitter(t, { directory })
      const reader = new RawPublisher(stage, 'site', founder)
      const release = await reader.headRelease()
      const contents = release === 1 ? before : after
      let isWhole = release === 1 || release === 2
      for (const content of Object.values(contents)) {
        const digest = digestOf(content)
        const response = await fetch(`${stage.url}/site/objects/${digest}`)
        isWhole &&= digestOf(new Uint8Array(await response.arrayBuffer())) === digest
      }
      if (release === 1) await publishSecond(stage, founder)
      isWhole &&= (await reader.headRelease()) === 2
      await stage.transmitter.stop()
      const later = { now: () => Date.now() + 3 * 86_400_000 }
      await collectGarbage({ directory, clock: later })
      const { findings } = await checkStore({ directory, clock: later })
      isWhole &&= findings.length === 0
      if (!isWhole) return 'mixed'
      return release === 1 ? 'old' : 'new'
    },
    async cleanUp(directory) {
      rmSync(directory, { recursive: true, force: true })
    },
  })
  t.comment(`${result.points} points: ${result.old} old, ${result.new} new, ${result.mixed} mixed`)
  t.same(result.mixedPoints, [])
  t.ok(result.points > 20)
  t.ok(result.old > 0 && result.new > 0)
})
