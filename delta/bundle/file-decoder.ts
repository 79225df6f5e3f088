import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { PoolReader } from '../objects/pool-reader.ts'
import type { Scratch } from '../objects/scratch.ts'
import type { BulkReader } from './bulk-reader.ts'
import type { FileCoding, FileModels } from './file-models.ts'
import type { OutputBuffer } from './output-buffer.ts'
import { ReferenceDecoder } from './reference-decoder.ts'
import { codeReferenceUse, type ReferenceUse } from './reference-use.ts'

const segment = deltaLimits.segmentBytes
/** Old bytes that are looked at first when an exact copy begins; then twice as many, and so on. */
const firstLook = 512

export interface FileToDecode {
  readonly size: number
  /** Where the predecessor lies in the base, -1 when there is none. */
  readonly predecessor: number
  /** Copies come from before this place. */
  readonly limit: number
}

/** How a file turned out to be coded. */
export interface DecodedCoding extends Pick<FileCoding, 'copies' | 'literals'> {
  readonly references: boolean
}

/** Everything that decoding a file works on. */
export interface DecoderParts {
  readonly coder: BinaryCoder
  readonly models: FileModels
  readonly base: PoolReader
  readonly bulk: BulkReader
  readonly output: OutputBuffer
  /** Room for a segment of old bytes. */
  readonly oldRoom: Uint8Array
  readonly scratch: Scratch
  /** Throws when the caller has had enough; asked once a segment. */
  readonly checkpoint: () => void
}

const anyCoding: FileCoding = { copies: 'exact', literals: 'modelled', unitBits: 0 }

/** Decodes one file of known size into the output buffer. */
export class FileDecoder {
  private readonly parts: DecoderParts
  private readonly old: Uint8Array
  private coding = anyCoding
  private left = 0
  private size = 0
  private predicted = false
  private limit = 0
  /** Where the next old byte lies in the base, -1 when there is no such place. */
  private place = -1

  constructor(parts: DecoderParts) {
    this.parts = parts
    this.old = parts.oldRoom
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
    const { copies, literals } = this.coding
    return { copies, literals, references: this.predicted }
  }

  private async decodeExact(): Promise<void> {
    const { coder, models } = this.parts
    if (this.place >= 0 && this.left > 0) await this.copyExact()
    while (this.left > 0) {
      const before = this.left
      const literals = models.operations.codeLiterals(coder, 0, this.left)
      await this.literals(literals)
      if (this.left === 0) break
      const end = Math.max(0, this.place)
      this.place = models.operations.codePlace(coder, {
        from: -1,
        end,
        literals,
        at: this.size - this.left,
      })
      await this.copyExact()
      // Operations that do nothing could go on for ever at next to no bytes.
      if (this.left === before) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'An operation that does nothing.' })
      }
    }
  }

  private async copyExact(): Promise<void> {
    const { coder, models, base, output } = this.parts
    const { copies, trail } = models
    const sure = copies.begin(coder, this.coding.unitBits, 0)
    if (sure > this.left || this.place + sure > this.limit) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy beyond the file or the base.' })
    }
    await this.copySure(sure)
    copies.skipped(sure)
    let look = firstLook
    for (;;) {
      this.parts.checkpoint()
      const most = Math.min(look, this.left, this.limit - this.place)
      await base.read(this.place, this.old, 0, most)
      await output.makeRoom()
      const coded = copies.code(coder, trail, this.old, 0, output.bytes, output.at, most, -1)
      output.at += coded
      this.left -= coded
      this.place += coded
      if (coded < most || this.left === 0 || this.place === this.limit) return
      look = Math.min(segment, look * 2)
    }
  }

  private async copySure(count: number): Promise<void> {
    const { base, output, models } = this.parts
    for (let done = 0; done < count; ) {
      this.parts.checkpoint()
      await output.makeRoom()
      const take = Math.min(segment, count - done)
      await base.read(this.place, output.bytes, output.at, take)
      models.trail.pushTail(output.bytes, output.at, output.at + take)
      output.at += take
      this.place += take
      this.left -= take
      done += take
    }
  }

  private async decodeInexact(): Promise<void> {
    const operations = this.readOperations()
    const { coder, models, base } = this.parts
    const use = codeReferenceUse(coder, models.sides, undefined, (place) => base.objectAt(place))
    this.predicted = use !== undefined
    const references = use === undefined ? undefined : await this.prepare(operations, use)
    try {
      for (let i = 0; i < operations.length; i += 3) {
        await this.literals(operations[i] as number)
        const count = operations[i + 2] as number
        if (count === 0) continue
        this.place = operations[i + 1] as number
        await this.copyInexact(count, references?.restorer(i / 3))
      }
    } finally {
      await references?.close()
    }
  }

  private async prepare(operations: Float64Array, use: ReferenceUse): Promise<ReferenceDecoder> {
    const { base, scratch } = this.parts
    return ReferenceDecoder.open({ operations, use, newSize: this.size, pool: base, scratch })
  }

  private async copyInexact(
    count: number,
    restore: ((offset: number, block: Uint8Array) => void) | undefined,
  ): Promise<void> {
    const { coder, models, base, output } = this.parts
    const { old } = this
    for (let done = 0; done < count; ) {
      this.parts.checkpoint()
      const take = Math.min(segment, count - done)
      await base.read(this.place, old, 0, take)
      await output.makeRoom()
      const block = output.bytes.subarray(output.at, output.at + take)
      models.differences.code(coder, old, 0, block, 0, take, count - done)
      if (restore === undefined) addBytes(block, old)
      else restore(done, block)
      models.trail.pushTail(block, 0, take)
      output.at += take
      this.place += take
      this.left -= take
      done += take
    }
  }

  private readOperations(): Float64Array {
    const { coder, models } = this.parts
    let operations = new Float64Array(96)
    let length = 0
    let left = this.left
    let end = Math.max(0, this.place)
    while (left > 0) {
      if (length === 3 * deltaLimits.fileOperationsMax) {
        throw deltaError('LW_DELTA_LIMIT', { detail: 'Too many operations in one file.' })
      }
      if (length === operations.length) {
        const larger = new Float64Array(length * 2)
        larger.set(operations)
        operations = larger
      }
      const literals = models.operations.codeLiterals(coder, 0, left)
      left -= literals
      operations[length] = literals
      if (left > 0) {
        const at = this.size - left
        const from = models.operations.codePlace(coder, { from: -1, end, literals, at })
        const count = models.operations.codeCopy(coder, 0, left)
        if (from + count > this.limit) {
          throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy from outside the base.' })
        }
        operations[length + 1] = from
        operations[length + 2] = count
        left -= count
        end = from + count
      }
      length += 3
    }
    return operations.subarray(0, length)
  }

  private async literals(count: number): Promise<void> {
    const { coder, models, base, bulk, output } = this.parts
    const from = this.place
    for (let done = 0; done < count; ) {
      this.parts.checkpoint()
      await output.makeRoom()
      const take = Math.min(segment, count - done)
      const at = output.at
      if (this.coding.literals === 'bulk') {
        await bulk.read(output.bytes, at, take)
        models.trail.pushTail(output.bytes, at, at + take)
      } else {
        const beside = from < 0 ? 0 : Math.max(0, Math.min(take, this.limit - from - done))
        if (beside > 0) await base.read(from + done, this.old, 0, beside)
        models.literals.code(coder, models.trail, output.bytes, at, take, this.old, 0, beside, done)
      }
      output.at += take
      this.left -= take
      done += take
    }
  }
}

function addBytes(block: Uint8Array, old: Uint8Array): void {
  for (let i = 0; i < block.length; i++) block[i] = (block[i] as number) + (old[i] as number)
}
