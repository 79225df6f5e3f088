import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { digestOf } from '../../protocol/index.ts'
import { checkStore, collectGarbage } from '../../transmitter/index.ts'
import {
  noise,
  RawPublisher,
  startTransmitter,
  type TransmitterStage,
} from '../support/transmitter-stage.ts'
import { type FaultFileSystem, type FaultMode, Killed } from './fault-file-system.ts'
import { type SweepResult, sweepFaults } from './sweep-faults.ts'

/** Large enough to travel in pieces, and quick to compress. */
function large(): Uint8Array {
  const piece = noise(4_000)
  return Buffer.concat(Array.from({ length: 300 }, () => piece))
}

const before = { kept: 'kept', changed: 'before', large: noise(30_000) }
const after = { kept: 'kept', changed: 'after', added: 'added', large: large() }

/** Things to stop at the end, though a fault may have stopped them before. */
class Teardowns {
  readonly #works: (() => unknown)[] = []

  teardown(work: () => unknown): void {
    this.#works.push(work)
  }

  async run(): Promise<void> {
    for (const work of this.#works.splice(0).reverse()) {
      await Promise.resolve(work()).catch(() => undefined)
    }
  }
}

/** A transmitter's data with one release, and how a second one is published to a copy of it. */
export class PublishBench {
  readonly #root: string
  readonly #template: string
  readonly #founder: RawPublisher
  readonly #teardowns = new Teardowns()
  #points = 0

  private constructor(root: string, template: string, founder: RawPublisher) {
    this.#root = root
    this.#template = template
    this.#founder = founder
  }

  static async open(): Promise<PublishBench> {
    const root = mkdtempSync(path.join(os.tmpdir(), 'lw-publish-'))
    const template = path.join(root, 'template')
    const teardowns = new Teardowns()
    const origin = await startTransmitter(teardowns, { directory: template })
    const founder = new RawPublisher(origin, 'site')
    await founder.publish(before)
    await origin.transmitter.idle()
    await teardowns.run()
    return new PublishBench(root, template, founder)
  }

  async close(): Promise<void> {
    await this.#teardowns.run()
    rmSync(this.#root, { recursive: true, force: true })
  }

  /** A copy of the data as it is before. */
  prepare(): string {
    const directory = path.join(this.#root, String(++this.#points))
    cpSync(this.#template, directory, { recursive: true })
    return directory
  }

  discard(directory: string): void {
    rmSync(directory, { recursive: true, force: true })
  }

  /** Publishes the second release: small objects, a piece-wise one, and what follows a commit. */
  async publishSecond(stage: Pick<TransmitterStage, 'url' | 'token'>): Promise<void> {
    const publisher = new RawPublisher(stage, 'site', this.#founder)
    const draft = publisher.draft(after)
    const begun = await publisher.begin(draft)
    if (begun.status !== 200) throw new Error(`begin: ${JSON.stringify(begun.body)}`)
    const large = digestOf(after.large)
    const small = begun.body.missing.filter((row) => row.sha256 !== large)
    const parts = small.map(({ sha256 }) => ({
      name: { kind: 'object', sha256 } as const,
      bytes: draft.contents.get(sha256) ?? new Uint8Array(),
    }))
    const received = begun.body.missing.find((row) => row.sha256 === large)?.received
    const pieces = piecesFrom(received)
    for (const send of [parts, ...pieces.map((piece) => [piece])]) {
      if (send.length === 0) continue
      const sent = await publisher.send(begun.body.upload, send)
      if (sent.status !== 200) throw new Error(`objects: ${JSON.stringify(sent.body)}`)
    }
    const done = await publisher.commit(begun.body.upload, publisher.commitRequest(draft))
    if (done.status !== 200) throw new Error(`commit: ${JSON.stringify(done.body)}`)
  }

  /** The whole act in this process, over a file system that breaks. */
  async act(fileSystem: FaultFileSystem, directory: string): Promise<void> {
    const teardowns = new Teardowns()
    try {
      const stage = await startTransmitter(teardowns, { directory, fileSystem })
      await this.publishSecond(stage)
      await stage.transmitter.idle()
      await stage.transmitter.stop()
    } catch (error) {
      throw fileSystem.isKilled ? new Killed() : error
    } finally {
      await teardowns.run()
    }
  }

  /**
   * What readers see must be the old release or the new one, whole; the same publish again must
   * succeed, and after a collection of garbage the store must hold nothing that nobody refers to.
   */
  async check(directory: string): Promise<'old' | 'new' | 'mixed'> {
    const teardowns = new Teardowns()
    try {
      const stage = await startTransmitter(teardowns, { directory })
      const reader = new RawPublisher(stage, 'site', this.#founder)
      const release = await reader.headRelease()
      let isWhole = release === 1 || release === 2
      for (const content of Object.values(release === 1 ? before : after)) {
        const digest = digestOf(content)
        const response = await fetch(`${stage.url}/site/objects/${digest}`)
        isWhole &&= digestOf(new Uint8Array(await response.arrayBuffer())) === digest
      }
      if (release === 1) await this.publishSecond(stage)
      isWhole &&= (await reader.headRelease()) === 2
      await stage.transmitter.stop()
      const later = { now: () => Date.now() + 3 * 86_400_000 }
      await collectGarbage({ directory, clock: later })
      const { findings } = await checkStore({ directory, clock: later })
      if (!isWhole || findings.length > 0) return 'mixed'
      return release === 1 ? 'old' : 'new'
    } finally {
      await teardowns.run()
    }
  }
}

function piecesFrom(received: number | undefined) {
  const large = digestOf(after.large)
  const end = after.large.byteLength
  const half = end >> 1
  const segment = (offset: number, to: number) => ({
    name: { kind: 'segment', sha256: large, offset } as const,
    bytes: after.large.subarray(offset, to),
  })
  if (received === undefined) return []
  return received === 0 ? [segment(0, half), segment(half, end)] : [segment(received, end)]
}

/** Breaks a publish at every mutating file operation of the transmitter, or a sample of them. */
export async function sweepPublish(options: {
  readonly modes?: readonly FaultMode[]
  readonly stride?: number
}): Promise<SweepResult> {
  const bench = await PublishBench.open()
  try {
    return await sweepFaults<string>({
      ...options,
      prepare: async () => bench.prepare(),
      act: (fs, directory) => bench.act(fs as FaultFileSystem, directory),
      async recover(directory) {
        // The dead process's places: its number is this process's own, which lives.
        rmSync(path.join(directory, 'claims'), { recursive: true, force: true })
      },
      check: (directory) => bench.check(directory),
      cleanUp: async (directory) => bench.discard(directory),
    })
  } finally {
    await bench.close()
  }
}
