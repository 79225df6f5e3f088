import { rename, rm } from 'node:fs/promises'
import { type Digest, parseDigest, parseManifest } from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { ObjectSource } from '../objects/object-source.ts'
import { type PlannedRelease, planRelease } from './plan-release.ts'
import type { Effort, MakeNotes } from './make-streams.ts'
import type { MakeJob } from './make-job.ts'
import { makeWholeBundle, type WrittenBundle } from './make-whole.ts'
import { runMakeWorker } from './run-make-worker.ts'

export interface MakeBundleOptions {
  readonly oldManifest: Uint8Array
  readonly newManifest: Uint8Array
  /** Objects of both releases. */
  readonly source: ObjectSource
  /** Where the bundle is put when it is complete and proved; nothing is left there otherwise. */
  readonly outputPath: string
  /** `fast` for the moment of commit, `best` for the background. */
  readonly effort: Effort
  /**
   * When it would not do, or was not enough, the new objects travel whole in brotli; the notes say
   * `whole` then. Without `cpuMs` a making in a worker has a minute, and two seconds per MB.
   */
  readonly budget?: { readonly cpuMs?: number; readonly memoryBytesMax?: number }
  readonly signal?: AbortSignal
  /**
   * Small bundles may be made right here, where nobody else waits for the event loop: it takes up
   * to a second, but starting a worker takes longer.
   */
  readonly here?: boolean
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
  const { oldManifest, newManifest, signal, budget } = options
  parseManifest(newManifest)
  const plan = planRelease(oldManifest, newManifest)
  const wholeBytes = plan.plan.builtBytes
  const path = `${options.outputPath}.making`
  await rm(path, { force: true })
  try {
    let made: WrittenBundle | undefined
    if (plan.plan.baseBytes + wholeBytes <= poolBytesMax(budget?.memoryBytesMax)) {
      const pool = await loadAll(options.source, objectsOf(plan), signal)
      const job = { oldManifest, newManifest, pool, effort: options.effort, path }
      made =
        options.here === true && pool.length <= hereBytesMax
          ? await runHere(job)
          : await runMakeWorker(job, { signal, cpuMs: budget?.cpuMs })
    }
    if (made === undefined) {
      await rm(path, { force: true })
      made = await makeWholeBundle(options, plan, path)
    }
    await rename(path, options.outputPath)
    const { bytes, notes } = made
    return { sha256: parseDigest(made.sha256), bytes, wholeBytes, notes, proved: true }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Bytes of old and new objects up to which no worker is started when the caller does not ask. */
const hereBytesMax = 4 << 20

async function runHere(job: MakeJob): Promise<WrittenBundle> {
  try {
    // Who only applies bundles never loads what makes them.
    const { runMakeJob } = await import('./make-job.ts')
    return await runMakeJob(job)
  } catch (cause) {
    throw deltaError('LW_DELTA_MAKE', { cause })
  }
}

/** Bytes of old and new objects that may be matched; tables take about as much again. */
function poolBytesMax(memoryBytesMax: number | undefined): number {
  if (memoryBytesMax === undefined) return deltaLimits.matchedBytesMax
  return Math.min(deltaLimits.matchedBytesMax, (memoryBytesMax - deltaLimits.makingBytes) / 2.5)
}

function objectsOf(release: PlannedRelease): (readonly [Digest, number])[] {
  const { old, plan, digestAt } = release
  return [
    ...plan.base.map(({ number, size }) => [old.objects.digests[number] as Digest, size] as const),
    ...plan.built.map(({ path, size }) => [digestAt.get(path) as Digest, size] as const),
  ]
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
