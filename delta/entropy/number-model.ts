import { AdaptiveBits } from './adaptive-bits.ts'
import type { BinaryCoder } from './binary-coder.ts'
import { deltaError } from '../errors.ts'

const widthMax = 53

/**
 * Whole numbers from 0 to 2^52: the count of their binary digits as a run of adaptive bits, the
 * three digits after the first one adaptive, the others plain. `context` selects a set of statistics.
 */
export class NumberModel {
  private readonly bits: AdaptiveBits
  private readonly mantissaBits: AdaptiveBits

  constructor(contexts: number, visitsMax = 60) {
    this.bits = new AdaptiveBits(contexts * 64, visitsMax)
    this.mantissaBits = new AdaptiveBits(contexts * 64 * 8, visitsMax)
  }

  code(coder: BinaryCoder, context: number, value: number): number {
    const width = this.codeWidth(coder, context, value)
    if (width < 2) return width
    const { decoding } = coder
    let result = 1
    let node = 1
    for (let left = width - 2; left >= 0; left--) {
      const digit = decoding ? 0 : digitOf(value, left)
      let coded: number
      if (node < 8) {
        coded = this.mantissaBits.code(coder, (context * 64 + width) * 8 + node, digit)
        node = node * 2 + coded
      } else {
        coded = coder.code(digit, 32768)
      }
      result = result * 2 + coded
    }
    return result
  }

  /** Numbers of either sign. */
  codeSigned(coder: BinaryCoder, context: number, value: number): number {
    const folded = this.code(coder, context, value < 0 ? -value * 2 - 1 : value * 2)
    return folded % 2 === 1 ? -(folded + 1) / 2 : folded / 2
  }

  private codeWidth(coder: BinaryCoder, context: number, value: number): number {
    const wanted = coder.decoding ? 0 : widthOf(value)
    let width = 0
    while (this.bits.code(coder, context * 64 + width, width < wanted ? 1 : 0) === 1) {
      if (++width > widthMax) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'A number is too large.' })
      }
    }
    return width
  }
}

function digitOf(value: number, place: number): number {
  return value < 0x80000000 ? (value >>> place) & 1 : Math.floor(value / 2 ** place) % 2
}

/** Binary digits of a whole number. The logarithm alone is off by one just below large powers. */
function widthOf(value: number): number {
  if (value < 0x80000000) return 32 - Math.clz32(value)
  const width = Math.floor(Math.log2(value))
  return 2 ** width > value ? width : width + 1
}
