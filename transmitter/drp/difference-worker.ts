import { parentPort, workerData } from 'node:worker_threads'
import { encodeDcz } from '../../delta/dictionary/index.ts'
import { encodeGdiff } from '../../delta/gdiff/index.ts'

/** What the worker is given: both versions of a file in shared memory. */
export interface DifferenceJob {
  readonly format: 'gdiff' | 'dcz'
  readonly from: Uint8Array
  readonly to: Uint8Array
}

const { format, from, to } = workerData as DifferenceJob
const bytes = format === 'gdiff' ? encodeGdiff(from, to) : encodeDcz(from, to)
parentPort?.postMessage(Uint8Array.from(bytes))
