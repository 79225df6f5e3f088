import { deltaError } from '../errors.ts'
import { loadKernel } from '../kernels/load-kernel.ts'

/**
 * Doors of the entropy coder's kernel (delta/entropy/kernel/kernel.ts says what they do). Models are numbers to
 * the code outside: where they lie in the kernel's memory.
 */
export interface EntropyDoors {
  begin(decoding: number): void
  codeBit(bit: number, probability: number): number
  bytesCoded(): number
  finishEncoding(): void

  createBits(count: number): number
  codeAdaptive(model: number, index: number, bit: number, visitsMax: number): number
  createNumbers(contexts: number): number
  codeWhole(model: number, context: number, value: number, visitsMax: number): number
  codeWholeSigned(model: number, context: number, value: number, visitsMax: number): number
  createShortModel(): number
  codeTextByte(
    model: number,
    context0: number,
    context1: number,
    context2: number,
    context3: number,
    context4: number,
    context5: number,
    guess: number,
    trust: number,
    mixSet: number,
    byte: number,
  ): number
  codeString(model: number, recent: number, at: number, count: number): number

  createFileModels(literalBits: number, differenceBits: number): void
  primeLiterals(at: number, count: number, done: number): void

  beginDecodingFile(size: number, predecessor: number, limit: number, bulkLiterals: number): void
  setNear(start: number, at: number, count: number): void
  lackingPlace(): number
  outputFilled(): number
  emptyOutput(): void
  decodeExact(): number
  decodeOperations(most: number): number
  unsaidBytes(): number
  beginOperations(predecessor: number): void
  beginLiterals(count: number): void
  decodeLiterals(): number
  literalsWanted(): number
  tookLiterals(count: number): void
  beginInexact(from: number, count: number): void
  beginWindow(count: number): void
  decodeWindow(predicted: number, modelled: number): number
  endWindow(count: number): void

  beginEncodingFile(predecessor: number, limit: number): void
  pushByte(byte: number): void
  encodeLiteralCount(count: number, left: number): void
  encodeCopyCount(count: number, left: number): void
  encodePlace(from: number, end: number, literals: number, at: number): void
  encodeLiterals(count: number, besideCount: number, done: number): void
  encodeDifferences(count: number, left: number, beyond: number): void
  encodeLength(wanted: number, left: number): void
  pays(length: number): number
  encodeWalk(wanted: number): void
  mark(old: number): void
}

/** Where the kernel's rooms lie, and how many bytes they have. */
interface KernelRooms {
  readonly codedAt: { readonly value: number }
  readonly codedRoom: { readonly value: number }
  readonly outputAt: { readonly value: number }
  readonly outputRoom: { readonly value: number }
  readonly poolAt: { readonly value: number }
  readonly poolRoom: { readonly value: number }
  readonly operationsAt: { readonly value: number }
  readonly operationsMost: { readonly value: number }
  readonly costsAt: { readonly value: number }
}

/** The kernel asks for the next coded bytes: takes them and says how many, or hands its own over. */
export interface CodedBytes {
  refill?(room: Uint8Array): number
  drain?(bytes: Uint8Array): unknown
}

/** Bytes of a kernel's memory: its rooms and the largest models that the format allows, rounded up. */
const memoryBytes = 52 * 1024 * 1024

const url = new URL('./kernel/kernel.wasm', import.meta.url)

/** The reasons by which the kernel stops, by number (delta/entropy/kernel/outside.ts). */
const reasons = [
  'The coded stream ends too early.',
  'A number is too large.',
  'Literals beyond the file.',
  'A copy beyond the file.',
  'A copy from outside the base.',
  'An operation that does nothing.',
  'A run is longer than its copy.',
] as const

/** One instance of the kernel: it codes one stream, in one direction. */
export class EntropyKernel {
  readonly doors: EntropyDoors
  /** Where strings and the bytes of a file are put or found. */
  readonly output: Uint8Array
  readonly outputAt: number
  /** Old bytes: blocks of the pool, or what is beside the bytes to encode. */
  readonly pool: Uint8Array
  /** Triples of `decodeOperations`. */
  readonly operations: Float64Array
  /** What a decision costs whose probability is (i + 1/2) / 256, in 1/256 bits; set by encoders. */
  readonly costs: Int32Array

  /** @throws LW_DELTA_FORMAT later, from the doors that decode, when the stream is not sound */
  constructor(coded: CodedBytes) {
    const { exports, buffer } = loadKernel<EntropyDoors & KernelRooms>({
      url,
      memoryBytes,
      imports: {
        refill: (at): number => coded.refill?.(room.subarray(at - codedAt)) ?? 0,
        drain: (bytes): unknown => coded.drain?.(room.subarray(0, bytes)),
        stop(reason): never {
          throw deltaError('LW_DELTA_FORMAT', { detail: reasons[reason] as string })
        },
      },
    })
    const codedAt: number = exports.codedAt.value
    const room: Uint8Array = new Uint8Array(buffer, codedAt, exports.codedRoom.value)
    this.doors = exports
    this.outputAt = exports.outputAt.value
    this.output = new Uint8Array(buffer, this.outputAt, exports.outputRoom.value)
    this.pool = new Uint8Array(buffer, exports.poolAt.value, exports.poolRoom.value)
    this.operations = new Float64Array(
      buffer,
      exports.operationsAt.value,
      3 * exports.operationsMost.value,
    )
    this.costs = new Int32Array(buffer, exports.costsAt.value, 256)
  }
}
