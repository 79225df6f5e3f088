import { parentPort, workerData } from 'node:worker_threads'
import { isLongwaveError } from '../../protocol/index.ts'
import { type MakeJob, runMakeJob } from './make-job.ts'
import type { WrittenBundle } from './make-whole.ts'

/** What the worker answers. */
export type MakeAnswer =
  | ({ readonly ok: true } & WrittenBundle)
  | { readonly ok: false; readonly message: string; readonly cancelled: boolean }

runMakeJob(workerData as MakeJob).then(
  (written) => parentPort?.postMessage({ ok: true, ...written } satisfies MakeAnswer),
  (error: unknown) => {
    const message = error instanceof Error ? `${error.message}` : 'It failed.'
    const cancelled = isLongwaveError(error, 'LW_DELTA_CANCELLED')
    parentPort?.postMessage({ ok: false, message, cancelled } satisfies MakeAnswer)
  },
)
