import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { deltaError } from '../errors.ts'

const bitsMin = 8
const literalBitsMax = 17
const differenceBitsMax = 16

/** Sizes of the models; they travel in the bundle. */
export interface ModelSizes {
  readonly literalBits: number
  readonly differenceBits: number
}

/** Old bytes that the literal model learns from before it begins. */
export interface Primer {
  /** Where they begin in the base. */
  readonly position: number
  readonly bytes: number
}

export const noPrimer: Primer = { position: 0, bytes: 0 }
const primerBytesMin = 1024
const primerBytesMax = 1 << 18
/** Learning from more old bytes takes more time than it saves bytes. */
const primerWorthBytes = 1 << 14
const primerShare = 8

/** Codes which old bytes are learned from; their number is a power of two or what is left. */
export function codePrimer(coder: BinaryCoder, wanted: Primer, baseBytes: number): Primer {
  const numbers = new NumberModel(coder, 1)
  const size = codePlain(coder, wanted.bytes === 0 ? 0 : Math.ceil(Math.log2(wanted.bytes)), 5)
  if (size === 0) return noPrimer
  const position = numbers.code(0, wanted.position)
  const bytes = Math.min(2 ** size, baseBytes - position)
  if (bytes <= 0 || bytes > primerBytesMax) {
    throw deltaError('LW_DELTA_FORMAT', { detail: 'A primer from outside the base.' })
  }
  return { position, bytes }
}

/** The primer that begins at a place, as large as the literals make worth while. */
export function primerAt(position: number, literals: number, baseBytes: number): Primer {
  const most = Math.min(baseBytes - position, literals * primerShare, primerWorthBytes)
  if (most < primerBytesMin) return noPrimer
  return { position, bytes: Math.min(baseBytes - position, 2 ** Math.floor(Math.log2(most))) }
}

function codeModelSizes(coder: BinaryCoder, wanted: ModelSizes): ModelSizes {
  const sizes = {
    literalBits: codePlain(coder, wanted.literalBits, 5),
    differenceBits: codePlain(coder, wanted.differenceBits, 5),
  }
  if (sizes.literalBits > literalBitsMax || sizes.differenceBits > differenceBitsMax) {
    throw deltaError('LW_DELTA_LIMIT', { detail: 'The models would take too much memory.' })
  }
  if (sizes.literalBits < bitsMin || sizes.differenceBits < bitsMin) {
    throw deltaError('LW_DELTA_FORMAT', { detail: 'The models are too small.' })
  }
  return sizes
}

/** What the coders are set up with. */
export interface ModelSettings {
  readonly sizes: ModelSizes
  readonly primer: Primer
}

/** Codes the settings in either direction. */
export function codeSettings(
  coder: BinaryCoder,
  wanted: ModelSettings | undefined,
  baseBytes: number,
): ModelSettings {
  const sizes = codeModelSizes(coder, wanted?.sizes ?? { literalBits: 0, differenceBits: 0 })
  return { sizes, primer: codePrimer(coder, wanted?.primer ?? noPrimer, baseBytes) }
}

/** Sizes of the models for so many bytes that they will code. */
export function chooseSizes(literalBytes: number, differenceBytes: number): ModelSizes {
  const bits = (bytes: number): number => Math.max(10, Math.ceil(Math.log2(bytes / 8 + 1)))
  return {
    literalBits: Math.min(literalBitsMax, bits(literalBytes)),
    differenceBits: Math.min(differenceBitsMax, bits(differenceBytes)),
  }
}

/** A number of known width. */
export function codePlain(coder: BinaryCoder, value: number, width: number): number {
  let result = 0
  for (let i = width - 1; i >= 0; i--) {
    result = result * 2 + coder.code(Math.floor(value / 2 ** i) % 2, 32768)
  }
  return result
}
