import { rename, rm } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { type Digest, parseDigest } from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { ObjectSource } from '../objects/object-source.ts'
import { planRelease } from './make-core.ts'
import type { Effort, MakeNotes } from './make-streams.ts'
import type { MakeAnswer, MakeJob } from './make-worker.ts'

export interface MakeBundleOptions {
  readonly oldManifest: Uint8Array
  readonly newManifest: Uint8Array
  /** Objects of both releases. */
  readonly source: ObjectSource
  /** Where the bundle is put when it is complete and proved; nothing is left there otherwise. */
  readonly outputPath: string
  /** `fast` for the moment of commit, `best` for the background. */
  readonly effort: Effort
  readonly budget?: { readonly cpuMs?: number; readonly memoryBytesMax?: number }
  readonly signal?: AbortSignal
}

export interface MadeBundleFile {
  readonly sha256: Digest
  readonly bytes: number
  /** Bytes of the objects that it builds, uncompressed. */
  readonly wholeBytes: number
  /** What was chosen and what it took. */
  readonly notes: MakeNotes
  /** It was applied, and gave the new manifest. */
  readonly proved: true
}

/**
 * Makes the bundle between two releases in a worker, off the event loop, and proves it by
 * applying it.
 * @throws LW_DELTA_MAKE, LW_DELTA_CANCELLED, LW_DELTA_BASE
 */
export async function makeBundle(options: MakeBundleOptions): Promise<MadeBundleFile> {
  const { oldManifest, newManifest, source, effort, signal } = options
  const { old, plan, digestAt } = planRelease(oldManifest, newManifest)
  const bytes = plan.baseBytes + plan.builtBytes
  if (bytes > (options.budget?.memoryBytesMax ?? deltaLimits.matchedBytesMax)) {
    throw deltaError('LW_DELTA_MAKE', { detail: 'More bytes than may be held in memory.' })
  }
  const pool = await loadAll(
    source,
    [
      ...plan.base.map(({ number, size }) => [old.objects.digests[number] as Digest, size] as const),
      ...plan.built.map(({ path, size }) => [digestAt.get(path) as Digest, size] as const),
    ],
    signal,
  )
  const path = `${options.outputPath}.making`
  await rm(path, { force: true })
  try {
    const job: MakeJob = { oldManifest, newManifest, pool, effort, path }
    const answer = await runWorker(job, options)
    await rename(path, options.outputPath)
    const { sha256, bytes, notes } = answer
    const wholeBytes = plan.builtBytes
    return { sha256: parseDigest(sha256), bytes, wholeBytes, notes, proved: true }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

async function loadAll(
  source: ObjectSource,
  objects: readonly (readonly [Digest, number])[],
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const total = objects.reduce((sum, [, size]) => sum + size, 0)
  const bytes = new Uint8Array(new SharedArrayBuffer(total))
  let at = 0
  for (const [digest, size] of objects) {
    if (signal?.aborted === true) throw deltaError('LW_DELTA_CANCELLED')
    const reader = await source.open(digest)
    try {
      const read = reader.size === size ? await reader.read(0, bytes.subarray(at, at + size)) : -1
      if (read !== size) throw deltaError('LW_DELTA_BASE', { detail: `${digest} is damaged.` })
    } finally {
      await reader.close()
    }
    at += size
  }
  return bytes
}

function runWorker(
  job: MakeJob,
  options: MakeBundleOptions,
): Promise<Extract<MakeAnswer, { ok: true }>> {
  const { signal } = options
  return new Promise((resolve, reject) => {
    // The same file name in the built tree and in the sources.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./make-worker.${extension}`, import.meta.url), {
      workerData: job,
    })
    let cancelled = false
    const stop = (): void => {
      cancelled = true
      worker.terminate().catch(reject)
    }
    const settle = (): void => {
      signal?.removeEventListener('abort', stop)
    }
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop, { once: true })
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
      if (cancelled) reject(deltaError('LW_DELTA_CANCELLED'))
      else reject(deltaError('LW_DELTA_MAKE', { detail: 'The worker ended without a result.' }))
    })
  })
}
