import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { isLongwaveError } from '../../protocol/index.ts'
import { type CoreInput, makeCore } from './make-core.ts'
import type { MakeNotes } from './make-streams.ts'
import { proveBundle } from './prove-bundle.ts'

/** What the worker is given. */
export interface MakeJob extends CoreInput {
  /** Where the bundle is written; removed by the caller when the job fails. */
  readonly path: string
}

/** What it answers. */
export type MakeAnswer =
  | {
      readonly ok: true
      readonly sha256: string
      readonly bytes: number
      readonly notes: MakeNotes
    }
  | { readonly ok: false; readonly message: string; readonly cancelled: boolean }

async function run(job: MakeJob): Promise<MakeAnswer> {
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
  await proveBundle({ ...job, base: job.pool, bundle: { path: job.path } })
  const notes = { ...made.notes, proveMs: Math.round(performance.now() - started) }
  return { ok: true, sha256: hash.digest('hex'), bytes, notes }
}

run(workerData as MakeJob).then(
  (answer) => parentPort?.postMessage(answer),
  (error: unknown) => {
    const message = error instanceof Error ? `${error.message}` : 'It failed.'
    const cancelled = isLongwaveError(error, 'LW_DELTA_CANCELLED')
    parentPort?.postMessage({ ok: false, message, cancelled } satisfies MakeAnswer)
  },
)
