import type { BinaryCoder } from '../entropy/binary-coder.ts'
import type { EntropyDoors } from '../entropy/entropy-kernel.ts'
import { deltaLimits } from '../limits.ts'
import type { PoolReader } from '../objects/pool-reader.ts'
import type { Scratch } from '../objects/scratch.ts'
import type { BulkDifferences } from './bulk-differences.ts'
import type { BulkReader } from './bulk-reader.ts'
import type { FileCoding, FileModels } from './file-models.ts'
import { readOperations } from './inexact-operations.ts'
import type { OutputBuffer } from './output-buffer.ts'
import { ReferenceDecoder } from './reference-decoder.ts'
import { codeReferenceUse } from './reference-use.ts'

const segment = deltaLimits.segmentBytes

export interface FileToDecode {
  readonly size: number
  /** Where the predecessor lies in the base, -1 when there is none. */
  readonly predecessor: number
  /** Copies come from before this place. */
  readonly limit: number
}

/** How a file turned out to be coded. */
export interface DecodedCoding extends FileCoding {
  readonly references: boolean
}

/** Everything that decoding a file works on. */
export interface DecoderParts {
  readonly coder: BinaryCoder
  readonly models: FileModels
  readonly base: PoolReader
  readonly bulk: BulkReader
  readonly bulkDifferences: BulkDifferences
  readonly output: OutputBuffer
  readonly scratch: Scratch
  /** Throws when the caller has had enough; asked about once a segment. */
  readonly checkpoint: () => void
}

const anyCoding: FileCoding = { copies: 'exact', literals: 'modelled', differences: 'modelled' }

/** What a door of the kernel lacks before it can go on (delta/entropy/kernel/states.ts). */
const lack = { nothing: 0, room: 1, old: 2, bulk: 3 } as const

type Restore = (offset: number, block: Uint8Array) => void

/**
 * Decodes one file of known size into the output buffer. The kernel does it; what it lacks is
 * provided here, without waiting where that is possible: it may be asked for 100,000 times.
 */
export class FileDecoder {
  private readonly parts: DecoderParts
  private readonly doors: EntropyDoors
  private coding = anyCoding
  /** The block of the pool that the kernel was shown. */
  private shown: Uint8Array | undefined

  constructor(parts: DecoderParts) {
    this.parts = parts
    this.doors = parts.coder.kernel.doors
  }

  async decode(file: FileToDecode): Promise<DecodedCoding> {
    const { models, output } = this.parts
    const { size, predecessor, limit } = file
    this.coding = models.codeCoding(anyCoding)
    const bulk = this.coding.literals === 'bulk' ? 1 : 0
    this.doors.beginDecodingFile(size, predecessor, limit, bulk)
    let references = false
    if (this.coding.copies === 'exact') await this.run(() => this.doors.decodeExact())
    else references = await this.decodeInexact(file)
    await output.flush()
    return { ...this.coding, references }
  }

  /** Calls a door of the kernel until it lacks nothing. */
  private async run(door: () => number): Promise<void> {
    for (let state = door(); state !== lack.nothing; state = door()) {
      if (!this.provideNow(state)) await this.provide(state)
    }
  }

  /** Provides what is lacking if that is possible at once. */
  private provideNow(state: number): boolean {
    if (state === lack.old) return this.turnTo(this.doors.lackingPlace())
    if (state !== lack.bulk) return false
    const { bulk, coder } = this.parts
    const { output } = coder.kernel
    const count = bulk.take(output, this.doors.outputFilled(), this.doors.literalsWanted())
    this.doors.tookLiterals(count)
    return count > 0
  }

  private async provide(state: number): Promise<void> {
    const { base, bulk, output, checkpoint } = this.parts
    checkpoint()
    if (state === lack.room) await output.flush()
    else if (state === lack.bulk) await bulk.advance()
    else {
      const place = this.doors.lackingPlace()
      await base.approach(place)
      this.turnTo(place)
    }
  }

  /** Shows the kernel the old bytes around a place; false when they are not at hand. */
  private turnTo(place: number): boolean {
    const { base } = this.parts
    if (base.near(place) === 0) return false
    const { nearBytes, nearAt } = base
    this.doors.setNear(place - nearAt, nearBytes.byteOffset, nearBytes.length)
    this.shown = nearBytes
    return true
  }

  /** Looks again: the memory of the block that the kernel was shown may be another's by now. */
  private lookAgain(): void {
    if (this.parts.base.nearBytes !== this.shown) this.doors.setNear(0, 0, 0)
  }

  /** Returns whether references were predicted. */
  private async decodeInexact({ size, predecessor }: FileToDecode): Promise<boolean> {
    const { coder, models, base, scratch } = this.parts
    const operations = readOperations(coder.kernel)
    const use = codeReferenceUse(coder, models.sides, undefined, (place) => base.objectAt(place))
    const references =
      use === undefined
        ? undefined
        : await ReferenceDecoder.open({ operations, use, newSize: size, pool: base, scratch })
    try {
      this.doors.beginOperations(predecessor)
      await this.decodeBytes(operations, references)
    } finally {
      await references?.close()
    }
    return use !== undefined
  }

  /** Decodes the bytes of all operations; most are short, so that none waits without need. */
  private async decodeBytes(
    operations: Float64Array,
    references: ReferenceDecoder | undefined,
  ): Promise<void> {
    const { doors } = this
    const { output, checkpoint } = this.parts
    const modelled = this.coding.differences === 'modelled' ? 1 : 0
    // What opened the references read from the pool.
    this.lookAgain()
    for (let i = 0; i < operations.length; i += 3) {
      doors.beginLiterals(operations[i] as number)
      if (doors.decodeLiterals() !== lack.nothing) await this.run(() => doors.decodeLiterals())
      const count = operations[i + 2] as number
      if (count === 0) continue
      const restore = references?.restorer(i / 3)
      const predicted = restore === undefined ? 0 : 1
      doors.beginInexact(operations[i + 1] as number, count)
      for (let done = 0; done < count; done += segment) {
        checkpoint()
        const take = Math.min(segment, count - done)
        if (output.left < take) await output.flush()
        doors.beginWindow(take)
        if (doors.decodeWindow(predicted, modelled) !== lack.nothing) {
          await this.run(() => doors.decodeWindow(predicted, modelled))
        }
        this.endWindow(take, done, count - done, restore)
      }
    }
  }

  /** Adds to the window that was decoded last what is not the kernel's. */
  private endWindow(take: number, done: number, left: number, restore: Restore | undefined): void {
    if (this.coding.differences === 'bulk' || restore !== undefined) {
      const block = this.parts.output.last(take)
      if (this.coding.differences === 'bulk') {
        this.parts.bulkDifferences.decode(block, 0, take, left)
      }
      restore?.(done, block)
      this.lookAgain()
    }
    this.doors.endWindow(take)
  }
}
