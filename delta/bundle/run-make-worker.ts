import { Worker } from 'node:worker_threads'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { MakeJob } from './make-job.ts'
import type { MakeAnswer } from './make-worker.ts'

/**
 * MiB of short-lived objects before they are looked through: what archives inflate to is held by
 * such objects and waits for that. Making allocates little else, so it costs no time.
 */
const youngGenerationMiB = 1

export interface RunMakeWorkerOptions {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds; when left out, what `makingMsMax` gives for the job. */
  readonly cpuMs?: number | undefined
  /** The worker's module; the one beside this file when left out. */
  readonly module?: URL
}

/** How long a making of so many old and new bytes may go on before it is given up. */
export function makingMsMax(bytes: number): number {
  return deltaLimits.makingMsMin + bytes / deltaLimits.makingBytesPerMsMin
}

/**
 * Runs one job in a worker of its own, which is ended in any case. Resolves with undefined when
 * the time went by before it was done.
 * @throws LW_DELTA_MAKE, LW_DELTA_CANCELLED
 */
export function runMakeWorker(
  job: MakeJob,
  options: RunMakeWorkerOptions,
): Promise<Extract<MakeAnswer, { ok: true }> | undefined> {
  const { signal, cpuMs = makingMsMax(job.pool.length) } = options
  return new Promise((resolve, reject) => {
    // The same file name in the built tree and in the sources.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const module = options.module ?? new URL(`./make-worker.${extension}`, import.meta.url)
    const worker = new Worker(module, {
      workerData: job,
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
    })
    let why: 'cancelled' | 'late' | undefined
    const stop = (reason: 'cancelled' | 'late'): void => {
      why ??= reason
      worker.terminate().catch(reject)
    }
    const cancel = (): void => stop('cancelled')
    const timer = setTimeout(() => stop('late'), cpuMs)
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    }
    const fail = (cause: unknown): void => {
      settle()
      reject(deltaError('LW_DELTA_MAKE', { cause }))
      worker.terminate().catch(() => {})
    }
    if (signal?.aborted === true) cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    worker.once('message', (answer: MakeAnswer) => {
      settle()
      if (answer.ok) resolve(answer)
      else reject(deltaError('LW_DELTA_MAKE', { detail: answer.message }))
      // Whatever it still holds open must not keep it, and with it the process, alive.
      worker.terminate().catch(() => {})
    })
    worker.once('messageerror', fail)
    worker.once('error', fail)
    worker.once('exit', () => {
      settle()
      if (why === 'late') resolve(undefined)
      else if (why === 'cancelled') reject(deltaError('LW_DELTA_CANCELLED'))
      else reject(deltaError('LW_DELTA_MAKE', { detail: 'The worker ended without a result.' }))
    })
  })
}
