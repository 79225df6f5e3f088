import { Worker } from 'node:worker_threads'
import { deltaError } from '../errors.ts'
import type { MakeJob } from './make-job.ts'
import type { MakeAnswer } from './make-worker.ts'

/**
 * Runs one job in a worker of its own. Resolves with undefined when `cpuMs` went by before it was
 * done.
 * @throws LW_DELTA_MAKE, LW_DELTA_CANCELLED
 */
export function runMakeWorker(
  job: MakeJob,
  options: { readonly signal?: AbortSignal | undefined; readonly cpuMs?: number | undefined },
): Promise<Extract<MakeAnswer, { ok: true }> | undefined> {
  const { signal, cpuMs } = options
  return new Promise((resolve, reject) => {
    // The same file name in the built tree and in the sources.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./make-worker.${extension}`, import.meta.url), {
      workerData: job,
    })
    let why: 'cancelled' | 'late' | undefined
    const stop = (reason: 'cancelled' | 'late'): void => {
      why ??= reason
      worker.terminate().catch(reject)
    }
    const cancel = (): void => stop('cancelled')
    const timer = cpuMs === undefined ? undefined : setTimeout(() => stop('late'), cpuMs)
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    }
    if (signal?.aborted === true) cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    worker.once('message', (answer: MakeAnswer) => {
      settle()
      if (answer.ok) resolve(answer)
      else reject(deltaError('LW_DELTA_MAKE', { detail: answer.message }))
    })
    worker.once('error', (cause) => {
      settle()
      reject(deltaError('LW_DELTA_MAKE', { cause }))
    })
    worker.once('exit', () => {
      settle()
      if (why === 'late') resolve(undefined)
      else if (why === 'cancelled') reject(deltaError('LW_DELTA_CANCELLED'))
      else reject(deltaError('LW_DELTA_MAKE', { detail: 'The worker ended without a result.' }))
    })
  })
}
