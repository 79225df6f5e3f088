import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { type CoreInput, makeCore } from './make-core.ts'
import type { WrittenBundle } from './make-whole.ts'
import { proveBundle } from './prove-bundle.ts'

/** What makes a bundle. */
export interface MakeJob extends CoreInput {
  /** Where the bundle is written; removed by the caller when the job fails. */
  readonly path: string
}

/** Makes a bundle, writes it and proves it; takes its time. */
export async function runMakeJob(job: MakeJob): Promise<WrittenBundle> {
  const made = makeCore(job)
  const hash = createHash('sha256')
  let bytes = 0
  const descriptor = openSync(job.path, 'wx', 0o644)
  try {
    for (const piece of made.pieces) {
      hash.update(piece)
      for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at)
      bytes += piece.length
    }
  } finally {
    closeSync(descriptor)
  }
  const started = performance.now()
  await proveBundle({ ...job, base: job.pool, bundle: { path: job.path }, known: made.known })
  const notes = { ...made.notes, proveMs: Math.round(performance.now() - started) }
  return { sha256: hash.digest('hex'), bytes, notes }
}
