import type { FileToEncode } from './file-encoder.ts'

/** Bytes that are modelled in any case: a quarter of a second of decoding. */
const modelledBytesMin = 1 << 19
/** Beyond, one literal in so many bytes of output is modelled, so that decoding keeps its pace. */
const modelledShare = 24
const sampleBytes = 1 << 16
/** Bits of a byte at which modelling gains nothing worth its time. */
const denseBits = 7.2

/**
 * Chooses which literals are modelled and which go to the bulk stream: what is packed already
 * gains nothing from a model, and decoding must not take too long.
 */
export function chooseCodings<File extends FileToEncode & { readonly literals: number }>(
  files: readonly File[],
  pool: Uint8Array,
): File[] {
  const output = files.reduce((sum, file) => sum + file.end - file.start, 0)
  const budget = Math.max(modelledBytesMin, output / modelledShare)
  const dense = files.map((file) => file.literals > 4096 && isDense(file, pool))
  let modelled = files.reduce((sum, file, i) => sum + (dense[i] === true ? 0 : file.literals), 0)
  const bySize = files.map((_, i) => i).sort((a, b) => literalsOf(files, b) - literalsOf(files, a))
  for (const i of bySize) {
    if (modelled <= budget) break
    if (dense[i] === true) continue
    dense[i] = true
    modelled -= literalsOf(files, i)
  }
  return files.map((file, i) =>
    dense[i] === true ? { ...file, coding: { ...file.coding, literals: 'bulk' as const } } : file,
  )
}

function literalsOf(files: readonly { readonly literals: number }[], index: number): number {
  return files[index]?.literals ?? 0
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
