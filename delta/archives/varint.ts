/** Largest varint: seven bytes carry 49 bits, more than any length here. */
export const varintBytesMax = 7

/** Unsigned LEB128 of a whole number below 2^49. */
export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** Adds the byte at `index` of a varint to what was read so far. */
export function addVarintByte(soFar: number, byte: number, index: number): number {
  return soFar + (byte & 127) * 128 ** index
}
