import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { deltaError } from '../errors.ts'
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
  /** Room for a segment of old bytes. */
  readonly oldRoom: Uint8Array
  readonly scratch: Scratch
  /** Throws when the caller has had enough; asked about once a segment. */
  readonly checkpoint: () => void
}

const anyCoding: FileCoding = { copies: 'exact', literals: 'modelled', differences: 'modelled' }

/** What a step lacks before it can go on. */
type Lack = 'room' | 'old' | 'bulk'

/**
 * Decodes one file of known size into the output buffer. Steps that have all they need run without
 * waiting: there may be hundreds of thousands of them.
 */
export class FileDecoder {
  private readonly parts: DecoderParts
  private coding = anyCoding
  private left = 0
  private size = 0
  private predicted = false
  private limit = 0
  /** Where the next old byte lies in the base, -1 when there is no such place. */
  private place = -1
  private lack: Lack = 'room'
  private lackAt = 0

  constructor(parts: DecoderParts) {
    this.parts = parts
  }

  async decode(file: FileToDecode): Promise<DecodedCoding> {
    const { coder, models, output } = this.parts
    models.trail.reset()
    this.coding = models.codeCoding(coder, anyCoding)
    models.operations.beginFile(Math.max(0, file.predecessor), file.limit)
    this.limit = file.limit
    this.size = file.size
    this.predicted = false
    this.left = file.size
    this.place = file.predecessor
    if (this.coding.copies === 'exact') await this.decodeExact()
    else await this.decodeInexact()
    await output.flush()
    return { ...this.coding, references: this.predicted }
  }

  private async decodeExact(): Promise<void> {
    const { coder, models } = this.parts
    const { operations, copies } = models
    let known = this.place >= 0
    while (this.left > 0) {
      const before = this.left
      if (!known) {
        const literals = operations.codeLiterals(coder, 0, this.left)
        for (let done = 0; done < literals; ) {
          const now = this.literalsNow(literals - done, done)
          if (now === 0) await this.provide()
          done += now
        }
        if (this.left === 0) break
        const at = this.size - this.left
        const end = Math.max(0, this.place)
        this.place = operations.codePlace(coder, { from: -1, end, literals, at })
      }
      const most = Math.min(this.left, this.limit - this.place)
      if (copies.codeWay(coder, operations.lastKind, false)) {
        while (!this.walkNow()) await this.provide()
      } else {
        const length = copies.codeLength(coder, operations.lastKind, 0, most)
        for (let done = 0; done < length; ) {
          const now = this.copyNow(length - done)
          if (now === 0) await this.provide()
          done += now
        }
        if (length < most) await this.leaveMark()
      }
      // Operations that do nothing could go on for ever at next to no bytes.
      if (!known && this.left === before) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'An operation that does nothing.' })
      }
      known = false
    }
  }

  /** Gets what the last step lacked. */
  private async provide(): Promise<void> {
    const { base, bulk, output, checkpoint } = this.parts
    checkpoint()
    if (this.lack === 'room') await output.flush()
    else if (this.lack === 'old') await base.approach(this.lackAt)
    else await bulk.advance()
  }

  private lacks(what: Lack, at = 0): number {
    this.lack = what
    this.lackAt = at
    return 0
  }

  /** Copies up to `count` bytes; returns how many, 0 when something is lacking. */
  private copyNow(count: number): number {
    const { base, output, models } = this.parts
    const room = output.bytes.length - output.at
    if (room === 0) return this.lacks('room')
    const take = Math.min(count, room, base.near(this.place))
    if (take === 0) return this.lacks('old', this.place)
    const { bytes, at } = output
    bytes.set(base.nearBytes.subarray(base.nearAt, base.nearAt + take), at)
    models.trail.pushTail(bytes, at, at + take)
    this.advance(take)
    return take
  }

  /** Goes on with a copy that ends at a mark; false when something is lacking. */
  private walkNow(): boolean {
    const { coder, base, output, models } = this.parts
    const { copies, trail } = models
    for (;;) {
      const most = Math.min(this.left, this.limit - this.place)
      if (most === 0) return true
      const room = output.bytes.length - output.at
      if (room === 0) return this.lacks('room') > 0
      const count = Math.min(most, room, base.near(this.place))
      if (count === 0) return this.lacks('old', this.place) > 0
      const from = { bytes: base.nearBytes, at: base.nearAt }
      const walked = copies.walk(coder, trail.recent, from, output, count, -1)
      trail.pushTail(output.bytes, output.at, output.at + walked)
      this.advance(walked)
      if (walked < count) return true
    }
  }

  private async leaveMark(): Promise<void> {
    const { base, models } = this.parts
    if (base.near(this.place) === 0) await base.approach(this.place)
    models.copies.mark(models.trail.recent, base.nearBytes[base.nearAt] as number)
  }

  private advance(count: number): void {
    this.parts.output.at += count
    this.left -= count
    this.place += count
  }

  /** Decodes up to `count` literals, `done` of whose run came before; 0 when something is lacking. */
  private literalsNow(count: number, done: number): number {
    const { coder, models, base, bulk, output } = this.parts
    const { bytes, at } = output
    let take = Math.min(count, bytes.length - at)
    if (take === 0) return this.lacks('room')
    if (this.coding.literals === 'bulk') {
      take = bulk.take(bytes, at, take)
      if (take === 0) return this.lacks('bulk')
      models.trail.pushTail(bytes, at, at + take)
    } else {
      const beside = this.place < 0 ? -1 : this.place + done
      const hasOld = beside >= 0 && beside < this.limit
      if (hasOld) {
        take = Math.min(take, this.limit - beside, base.near(beside))
        if (take === 0) return this.lacks('old', beside)
      }
      const end = hasOld ? base.nearAt + take : 0
      const from = hasOld ? base.nearAt : 0
      models.literals.code(coder, models.trail, bytes, at, take, base.nearBytes, from, end, done)
    }
    output.at += take
    this.left -= take
    return take
  }

  private async decodeInexact(): Promise<void> {
    const { coder, models, base, scratch } = this.parts
    const { left, size, limit } = this
    const operations = readOperations(coder, models.operations, {
      left,
      size,
      limit,
      place: this.place,
    })
    const use = codeReferenceUse(coder, models.sides, undefined, (place) => base.objectAt(place))
    this.predicted = use !== undefined
    const references =
      use === undefined
        ? undefined
        : await ReferenceDecoder.open({ operations, use, newSize: size, pool: base, scratch })
    try {
      for (let i = 0; i < operations.length; i += 3) {
        const literals = operations[i] as number
        for (let done = 0; done < literals; ) {
          const now = this.literalsNow(literals - done, done)
          if (now === 0) await this.provide()
          done += now
        }
        const count = operations[i + 2] as number
        if (count === 0) continue
        this.place = operations[i + 1] as number
        await this.copyInexact(count, references?.restorer(i / 3))
      }
    } finally {
      await references?.close()
    }
  }

  private async copyInexact(
    count: number,
    restore: ((offset: number, block: Uint8Array) => void) | undefined,
  ): Promise<void> {
    const { base, output, oldRoom } = this.parts
    for (let done = 0; done < count; ) {
      this.parts.checkpoint()
      const take = Math.min(segment, count - done)
      if (base.readNow(this.place, oldRoom, 0, take) < take) {
        await base.read(this.place, oldRoom, 0, take)
      }
      if (output.bytes.length - output.at < take) await output.flush()
      this.differences(take, count - done, restore === undefined ? undefined : done, restore)
      this.advance(take)
      done += take
    }
  }

  private differences(
    take: number,
    left: number,
    offset: number | undefined,
    restore: ((offset: number, block: Uint8Array) => void) | undefined,
  ): void {
    const { coder, models, output, oldRoom, bulkDifferences } = this.parts
    const { at } = output
    const block = output.bytes.subarray(at, at + take)
    if (restore === undefined) block.set(oldRoom.subarray(0, take))
    else block.fill(0)
    if (this.coding.differences === 'bulk') bulkDifferences.decode(block, 0, take, left)
    else models.differences.code(coder, oldRoom, 0, block, 0, take, left)
    restore?.(offset ?? 0, block)
    models.trail.pushTail(block, 0, take)
  }
}
