import type { FileSystem } from '../../store/durable-files/index.ts'
import { FaultFileSystem, Killed } from './fault-file-system.ts'
import { MemoryFileSystem, powerCuts } from './memory-file-system.ts'
import type { SweepResult } from './sweep-faults.ts'

export interface PowerCutSweep {
  /** Every how many operations the power is cut; 1 cuts before each. */
  readonly stride?: number
  /** Makes the state before, all of it durable. */
  prepare?(fs: FileSystem): Promise<unknown>
  /** A disk with the state before; an empty one, for `prepare`, when absent. */
  disk?(): Promise<MemoryFileSystem>
  act(fs: FileSystem): Promise<unknown>
  /** What a new process does first. */
  recover?(fs: FileSystem): Promise<unknown>
  /** @param isDone whether `act` had returned: then the new state must be there */
  check(fs: FileSystem, isDone: boolean): Promise<'old' | 'new' | 'mixed'>
}

/**
 * Cuts the power before the first mutating operation of a workload, the second, and so on, and
 * after its end; each time with every idea of what a disk may have kept.
 */
export async function sweepPowerCuts(sweep: PowerCutSweep): Promise<SweepResult> {
  const counts = { old: 0, new: 0, mixed: 0 }
  const mixedPoints: string[] = []
  for (let at = 1, isDone = false; !isDone; at += sweep.stride ?? 1) {
    for (const cut of powerCuts) {
      const memory = (await sweep.disk?.()) ?? new MemoryFileSystem()
      await sweep.prepare?.(memory)
      const faulty = new FaultFileSystem(memory, { at, mode: 'kill-before' })
      isDone = await endsWell(sweep, faulty)
      const state = await stateAfter(sweep, memory.afterPowerCut(cut), isDone)
      counts[state]++
      if (state === 'mixed' && mixedPoints.length < 20) {
        mixedPoints.push(`${cut} before ${at} (${faulty.operations[at - 1]?.name ?? 'the end'})`)
      }
    }
  }
  return { points: counts.old + counts.new + counts.mixed, ...counts, mixedPoints }
}

async function endsWell(sweep: PowerCutSweep, faulty: FaultFileSystem): Promise<boolean> {
  try {
    await sweep.act(faulty)
    return !faulty.isKilled
  } catch (error) {
    if (faulty.isKilled || error instanceof Killed) return false
    throw error
  }
}

async function stateAfter(
  sweep: PowerCutSweep,
  fs: MemoryFileSystem,
  isDone: boolean,
): Promise<'old' | 'new' | 'mixed'> {
  await sweep.recover?.(fs)
  const state = await sweep.check(fs, isDone)
  // What was said to be done must have survived.
  return isDone && state === 'old' ? 'mixed' : state
}
