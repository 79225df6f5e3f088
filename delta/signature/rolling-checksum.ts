/** The multiplier of the polynomial; odd, so that no byte is ever multiplied away. */
const factor = 0x01000193

/** The checksum of a block: the sum of byte × factor^(distance to the last byte), modulo 2^32. */
export function rollingChecksum(bytes: Uint8Array, from: number, length: number): number {
  let sum = 0
  for (let at = from; at < from + length; at++)
    sum = (Math.imul(sum, factor) + (bytes[at] ?? 0)) | 0
  return sum
}

/** What a byte that leaves a window of this length was multiplied by. */
export function leavingFactor(length: number): number {
  let power = 1
  for (let i = 1; i < length; i++) power = Math.imul(power, factor)
  return power
}

/** The checksum one byte further on. */
export function roll(sum: number, leaving: number, leavingPower: number, coming: number): number {
  return (Math.imul(sum - Math.imul(leaving, leavingPower), factor) + coming) | 0
}
