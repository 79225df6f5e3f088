/**
 * Tables of the logistic domain. A probability p (16 bits) and s = 256 ln(p / (1 - p)) are turned
 * into each other. Every entry of `squash` is further than 10^-6 from a rounding boundary, so that
 * any exponential function that is accurate to 9 digits gives the same integers.
 */
export const stretchMax = 3071

/** 16-bit probability of s, at index s + 3072. */
export const squashTable = makeSquash()
/** s of a 16-bit probability: the smallest s whose probability is not below it. */
export const stretchTable = makeStretch(squashTable)

function makeSquash(): Uint16Array {
  const table = new Uint16Array(6144)
  for (let i = 0; i < 6144; i++) {
    const exact = 65536 / (1 + Math.exp((3072 - i) / 256))
    table[i] = Math.min(65535 - 1, Math.max(1, Math.round(exact)))
  }
  return table
}

function makeStretch(squash: Uint16Array): Int16Array {
  const table = new Int16Array(65536)
  let i = 1
  for (let p = 0; p < 65536; p++) {
    while (i < 6143 && (squash[i] as number) < p) i++
    table[p] = i - 3072
  }
  return table
}

/** Step sizes of adaptive probabilities: 16384 / (n + 1.5), halved; n is the visits so far. */
export const stepTable = makeSteps()

function makeSteps(): Int32Array {
  const table = new Int32Array(1024)
  for (let n = 0; n < 1024; n++) table[n] = Math.floor(16384 / (n + n + 3))
  return table
}
