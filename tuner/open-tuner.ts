import { isLongwaveError } from '../protocol/index.ts'
import type { Transport } from '../transport/index.ts'
import { RemoteTuner } from './control/index.ts'
import { Tuner, type TunerOptions } from './tuner.ts'
import type { TunerOperations } from './tuner-operations.ts'

export interface OpenTunerOptions extends Omit<TunerOptions, 'transport'> {
  /** Made only when no running tuner does the work. */
  readonly transport: () => Transport
}

/**
 * Gives a command its tuner: the one that runs and owns the home, through its local socket, or one
 * of the command's own. Stop it at the end.
 * @throws LW_STORE_LOCKED when another process has the home and does not answer
 */
export async function openTuner(options: OpenTunerOptions): Promise<TunerOperations> {
  const running = await RemoteTuner.find(options.home)
  if (running !== undefined) return running
  const tuner = new Tuner({ ...options, transport: options.transport() })
  try {
    await tuner.start()
    return tuner
  } catch (error) {
    if (!isLongwaveError(error, 'LW_STORE_LOCKED')) throw error
    // It may have begun to listen just now.
    const late = await RemoteTuner.find(options.home)
    if (late !== undefined) return late
    throw error
  }
}
