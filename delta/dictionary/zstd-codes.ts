// The constant tables of RFC 8878: how lengths and offsets split into a code and extra bits.

/** RFC 8878 3.1.1.3.2.1.1: base of each literals length code… */
export const literalBases: readonly number[] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128,
  256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
]
/** …and its extra bits. */
export const literalBits: readonly number[] = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12,
  13, 14, 15, 16,
]

/** Base of each match length code… */
export const matchBases: readonly number[] = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
  29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051,
  4099, 8195, 16387, 32771, 65539,
]
/** …and its extra bits. */
export const matchBits: readonly number[] = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
  1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]

/** The shortest match. */
export const matchBytesMin = 3

/** Offsets that may be repeated, as a frame begins (RFC 8878 3.1.1.5). */
export const firstRepeats: readonly [number, number, number] = [1, 4, 8]

/** Which of the three kinds of code a table is for. */
export interface CodeKind {
  readonly name: 'literals' | 'offsets' | 'matches'
  /** RFC 8878 3.1.1.3.2.2: the distribution that needs no description. */
  readonly predefined: readonly number[]
  readonly predefinedLog: number
  readonly logMax: number
}

export const literalKind: CodeKind = {
  name: 'literals',
  predefined: [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1,
  ],
  predefinedLog: 6,
  logMax: 9,
}

export const matchKind: CodeKind = {
  name: 'matches',
  predefined: [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ],
  predefinedLog: 6,
  logMax: 9,
}

export const offsetKind: CodeKind = {
  name: 'offsets',
  predefined: [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
  ],
  predefinedLog: 5,
  logMax: 8,
}

/** Position of the highest set bit. */
export function highestBit(value: number): number {
  return 31 - Math.clz32(value)
}

export function literalCode(length: number): number {
  return length < 64 ? codeBelow64(literalBases, length) : highestBit(length) + 19
}

export function matchCode(length: number): number {
  const rest = length - matchBytesMin
  return rest < 128 ? codeBelow64(matchBases, length) : highestBit(rest) + 36
}

/** The last code whose base is not above the value, by halving. */
function codeBelow64(bases: readonly number[], value: number): number {
  let low = 0
  let high = bases.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((bases[middle] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}
