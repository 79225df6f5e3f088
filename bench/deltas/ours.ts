import { statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Effort } from '../../delta/index.ts'
import { measure } from './measure.ts'
import type { Step } from './steps.ts'

export interface OurResult {
  /** Bytes of the bundle, manifest part included. */
  readonly bytes: number
  readonly makeMs: number
  readonly applyMs: number
  readonly makeCpuMs: number
  readonly applyCpuMs: number
  readonly makePeakMiB: number
  readonly applyPeakMiB: number
  /** Bytes of the bundle that belong to no stream: its header, and what ends the range coder. */
  readonly framingBytes: number
  readonly notes: Readonly<Record<string, number>>
}

/** The notes of a making that count bytes of streams. */
const streams = [
  'head',
  'places',
  'ends',
  'counts',
  'sides',
  'literals',
  'differences',
  'bulk',
  'bulkDifferences',
  'bulkCounts',
] as const

const child = fileURLToPath(new URL('./ours-child.js', import.meta.url))

/** Makes and applies in processes of their own, so that peaks can be told apart. */
export function runOurs(step: Step, folder: string, effort: Effort): OurResult | undefined {
  const delta = path.join(folder, 'ours')
  const made = measure(process.execPath, [child, 'make', step.oldPath, step.newPath, delta, effort])
  if (made === undefined) return undefined
  const applied = measure(process.execPath, [child, 'apply', step.oldPath, step.newPath, delta])
  if (applied === undefined) return undefined
  const make = JSON.parse(made.output) as ChildAnswer
  const apply = JSON.parse(applied.output) as ChildAnswer
  const bytes = statSync(delta).size
  const inStreams = streams.reduce((sum, name) => sum + (make.notes[name] ?? 0), 0)
  return {
    bytes,
    framingBytes: bytes - inStreams,
    makeMs: make.ms,
    applyMs: apply.ms,
    makeCpuMs: make.cpuMs,
    applyCpuMs: apply.cpuMs,
    makePeakMiB: make.peakMiB,
    applyPeakMiB: apply.peakMiB,
    notes: make.notes,
  }
}

export interface ChildAnswer {
  /** Without the start of the process. */
  readonly ms: number
  /** Of all threads: on a busy machine the clock says more about others. */
  readonly cpuMs: number
  readonly peakMiB: number
  readonly notes: Readonly<Record<string, number>>
}
