import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { type FaultMode, FaultFileSystem, Killed, faultModes } from './fault-file-system.ts'

export interface FaultPoint {
  readonly mode: FaultMode
  readonly at: number
  /** The operation at which it happened, e.g. `rename`. */
  readonly operation: string
  /** How `act` ended: an error, or well although an operation failed. */
  readonly error: unknown
}

export interface FaultSweep<State> {
  readonly modes?: readonly FaultMode[]
  /** Every how many operations a fault is tried; 1 tries all. */
  readonly stride?: number
  /** The file system under the faults; default: the real one. */
  readonly fileSystem?: FileSystem
  /** Makes the state before: a fresh folder for each point. */
  prepare(): Promise<State>
  /** The workload; all its file operations go through `fs`. */
  act(fs: FileSystem, state: State): Promise<unknown>
  /** What a new process does first. */
  recover?(state: State, point: FaultPoint): Promise<unknown>
  /** Looks at what is there after recovery: `mixed` is neither the old state nor the new one. */
  check(state: State, point: FaultPoint): Promise<'old' | 'new' | 'mixed'>
  /** Removes what `prepare` made. */
  cleanUp?(state: State): Promise<void>
}

export interface SweepResult {
  readonly points: number
  readonly old: number
  readonly new: number
  readonly mixed: number
  /** Up to 20 descriptions of mixed states. */
  readonly mixedPoints: readonly string[]
}

/** The last operation that a sweep tries: a workload that never ends is a mistake. */
const operationsMax = 100_000

/**
 * Runs a workload with a fault at its first mutating operation, its second, and so on until it
 * ends without reaching the fault; for each mode.
 */
export async function sweepFaults<State>(sweep: FaultSweep<State>): Promise<SweepResult> {
  const counts = { old: 0, new: 0, mixed: 0 }
  const mixedPoints: string[] = []
  for (const mode of sweep.modes ?? faultModes) {
    for (let at = 1; ; at += sweep.stride ?? 1) {
      if (at > operationsMax) throw new RangeError('the workload has too many operations')
      const outcome = await runPoint(sweep, { mode, at })
      if (outcome === undefined) break
      counts[outcome.state]++
      if (outcome.state === 'mixed' && mixedPoints.length < 20) {
        mixedPoints.push(`${mode} at ${at} (${outcome.point.operation})`)
      }
    }
  }
  return { points: counts.old + counts.new + counts.mixed, ...counts, mixedPoints }
}

async function runPoint<State>(
  sweep: FaultSweep<State>,
  plan: { readonly mode: FaultMode; readonly at: number },
): Promise<{ readonly state: 'old' | 'new' | 'mixed'; readonly point: FaultPoint } | undefined> {
  const state = await sweep.prepare()
  try {
    const fs = new FaultFileSystem(sweep.fileSystem ?? nodeFileSystem, plan)
    const error = await failureOf(() => sweep.act(fs, state))
    await fs.closeAll()
    if (!fs.hasFired) {
      // Nothing was injected, so nothing may have failed.
      if (error !== undefined) throw error
      return undefined
    }
    if (fs.isKilled && error !== undefined && !isKill(error)) throw error
    const operation = fs.operations[plan.at - 1]?.name ?? ''
    const point: FaultPoint = { ...plan, operation, error }
    await sweep.recover?.(state, point)
    return { state: await sweep.check(state, point), point }
  } finally {
    await sweep.cleanUp?.(state)
  }
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error ?? new Error('failed without an error')
  }
}

/** A kill may arrive as the cause of an error that says what it interrupted. */
function isKill(error: unknown): boolean {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; depth++) {
    if (each instanceof Killed) return true
    each = each.cause
  }
  return error instanceof AggregateError && error.errors.some(isKill)
}
