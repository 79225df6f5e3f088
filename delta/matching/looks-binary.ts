const sampleBytes = 1 << 15
/** Where a tar says what it is. */
const tarMagic = { at: 257, bytes: [0x75, 0x73, 0x74, 0x61, 0x72] } as const
/** Zero bytes in a row that only fill up, as those between the members of a tar. */
const paddingMin = 4

/** Whether zero bytes or many control bytes say that a file is no text; padding of a tar does not. */
export function looksBinary(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, sampleBytes)
  const padding = isTar(sample) ? paddingBytes(sample) : 0
  let odd = -padding
  for (const byte of sample) {
    if (byte < 32 && byte !== 10 && byte !== 13 && byte !== 9) odd++
  }
  return odd * 100 > sample.length - padding
}

function isTar(bytes: Uint8Array): boolean {
  return tarMagic.bytes.every((byte, i) => bytes[tarMagic.at + i] === byte)
}

/** Zero bytes in runs of some length. */
function paddingBytes(bytes: Uint8Array): number {
  let padding = 0
  let zeros = 0
  for (const byte of bytes) {
    if (byte === 0) {
      zeros++
      continue
    }
    if (zeros >= paddingMin) padding += zeros
    zeros = 0
  }
  return zeros >= paddingMin ? padding + zeros : padding
}
