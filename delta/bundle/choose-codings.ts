import { deltaLimits } from '../limits.ts'
import type { Effort } from '../matching/effort.ts'
import type { FileToEncode } from './file-encoder.ts'

/** Bytes that are modelled in any case: some hundredths of a second of decoding. */
const modelledBytesMin = 1 << 16
/**
 * Beyond, one byte in so many of output is modelled, so that decoding keeps its pace: a literal
 * takes a quarter to half a microsecond, a difference about as much.
 */
const literalShare = { fast: 150, best: 60 } as const
const differenceShare = 24
const sampleBytes = 1 << 16
/** Bits of a byte at which modelling gains nothing worth its time. */
const denseBits = 7.2

type Matched = FileToEncode & { readonly literals: number; readonly differing: number }

/**
 * Chooses which literals and differences are modelled and which go to bulk streams: what is packed
 * already gains nothing from a model, and decoding must not take too long.
 */
export function chooseCodings<File extends Matched>(
  files: readonly File[],
  pool: Uint8Array,
  effort: Effort,
): File[] {
  const output = files.reduce((sum, file) => sum + file.end - file.start, 0)
  const dense = files.map((file) => file.literals > 4096 && isDense(file, pool))
  overBudget(files, dense, (file) => file.literals, literalShare[effort], output)
  const plain = files.map(() => false)
  overBudget(files, plain, (file) => file.differing, differenceShare, output)
  const plainBytes = files.reduce((sum, file, i) => sum + (plain[i] ? file.differing : 0), 0)
  const fits = plainBytes < deltaLimits.bulkAtOnceBytesMax / 4
  return files.map((file, i) => {
    const literals = dense[i] === true ? 'bulk' : file.coding.literals
    const differences = plain[i] === true && fits ? 'bulk' : file.coding.differences
    return { ...file, coding: { ...file.coding, literals, differences } }
  })
}

/** Marks the files with the most bytes until what is left can be modelled in time. */
function overBudget<File extends Matched>(
  files: readonly File[],
  marked: boolean[],
  bytesOf: (file: File) => number,
  share: number,
  output: number,
): void {
  const budget = Math.max(modelledBytesMin, output / share)
  const open = files.map((_, i) => i).filter((i) => marked[i] !== true)
  const bytes = (i: number): number => bytesOf(files[i] as File)
  let modelled = open.reduce((sum, i) => sum + bytes(i), 0)
  for (const i of open.sort((a, b) => bytes(b) - bytes(a))) {
    if (modelled <= budget) break
    marked[i] = true
    modelled -= bytes(i)
  }
}

/** Whether the literals look like noise, by how often each byte comes. */
function isDense(file: FileToEncode, pool: Uint8Array): boolean {
  const counts = new Float64Array(256)
  let total = 0
  let at = file.start
  for (let i = 0; total < sampleBytes && at < file.end; i += 3) {
    const literals = file.operations[i] ?? file.end - at
    const end = Math.min(at + literals, at + sampleBytes - total)
    for (let j = at; j < end; j++) {
      const byte = pool[j] as number
      counts[byte] = (counts[byte] as number) + 1
    }
    total += end - at
    at += literals + (file.operations[i + 2] ?? 0)
  }
  let bits = 0
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / total)
  // A small sample of noise looks less even than it is.
  return bits / total > denseBits - 180 / total
}
