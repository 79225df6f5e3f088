import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { ChangedFile } from './changed-files.ts'
import { isInstalled, measure } from './measure.ts'
import type { Step } from './steps.ts'

/** Bytes of one peer, and what making and applying took where that is compared. */
export interface PeerResult {
  readonly bytes: number | undefined
  readonly makeMs?: number
  readonly applyMs?: number
  readonly makeCpuMs?: number
  readonly applyCpuMs?: number
  /** Of making and of applying. */
  readonly peakMiB?: number | undefined
  readonly applyPeakMiB?: number | undefined
}

export const peerNames = ['rsync -z', 'bsdiff', 'zstd-19', 'xdelta3'] as const
export type PeerName = (typeof peerNames)[number]

const missing: PeerResult = { bytes: undefined }

/** Runs the wanted peers that are installed; files go through `folder`. */
export function runPeers(
  step: Step,
  changed: readonly ChangedFile[],
  folder: string,
  wanted: readonly string[],
): Readonly<Record<PeerName, PeerResult>> {
  const result = (name: PeerName, command: string, run: () => PeerResult): PeerResult =>
    wanted.includes(name) && isInstalled(command) ? run() : missing
  return {
    'rsync -z': result('rsync -z', 'rsync', () => runRsync(step, folder)),
    bsdiff: result('bsdiff', 'bsdiff', () => runBsdiff(changed, folder)),
    'zstd-19': result('zstd-19', 'zstd', () => runZstd(changed, folder)),
    xdelta3: result('xdelta3', 'xdelta3', () => runXdelta(changed, folder)),
  }
}

function runRsync(step: Step, folder: string): PeerResult {
  const copy = path.join(folder, 'rsync-copy')
  rmSync(copy, { recursive: true, force: true })
  if (measure('cp', ['-a', step.oldPath, copy]) === undefined) return missing
  const slash = statSync(step.newPath).isDirectory() ? '/' : ''
  const args = [
    '-acz',
    '--no-whole-file',
    '--delete',
    '--stats',
    step.newPath + slash,
    copy + slash,
  ]
  const cost = measure('rsync', args)
  rmSync(copy, { recursive: true, force: true })
  const totals = [...(cost?.output ?? '').matchAll(/Total bytes (?:sent|received): ([\d,.]+)/g)]
  if (totals.length !== 2) return missing
  return { bytes: totals.reduce((sum, match) => sum + Number(match[1]?.replace(/[,.]/g, '')), 0) }
}

function runBsdiff(changed: readonly ChangedFile[], folder: string): PeerResult {
  const { empty, patch, result } = files(folder)
  let bytes = 0
  let makeMs = 0
  let applyMs = 0
  let makeCpuMs = 0
  let applyCpuMs = 0
  let peakMiB = 0
  let applyPeakMiB = 0
  for (const { oldFile = empty, newFile } of changed) {
    const made = measure('bsdiff', [oldFile, newFile, patch])
    const applied = measure('bspatch', [oldFile, result, patch])
    if (made === undefined || applied === undefined) return missing
    makeMs += made.ms
    applyMs += applied.ms
    makeCpuMs += made.cpuMs ?? 0
    applyCpuMs += applied.cpuMs ?? 0
    peakMiB = Math.max(peakMiB, made.peakMiB ?? 0)
    applyPeakMiB = Math.max(applyPeakMiB, applied.peakMiB ?? 0)
    bytes += statSync(patch).size
  }
  return {
    bytes,
    makeMs,
    applyMs,
    makeCpuMs,
    applyCpuMs,
    peakMiB: peakMiB || undefined,
    applyPeakMiB: applyPeakMiB || undefined,
  }
}

function runZstd(changed: readonly ChangedFile[], folder: string): PeerResult {
  const { empty, patch } = files(folder)
  let bytes = 0
  for (const { oldFile = empty, newFile } of changed) {
    const base = statSync(oldFile).size > 1 ? [`--patch-from=${oldFile}`] : []
    const args = ['-q', '-f', '-19', '--long=27', ...base, newFile, '-o', patch]
    if (measure('zstd', args) === undefined) return missing
    bytes += statSync(patch).size
  }
  return { bytes }
}

/** All changed files as one: the more favourable way for it. */
function runXdelta(changed: readonly ChangedFile[], folder: string): PeerResult {
  const { patch } = files(folder)
  const old = path.join(folder, 'old-all')
  const next = path.join(folder, 'new-all')
  writeFileSync(old, '')
  writeFileSync(next, '')
  let window = 1 << 20
  for (const { oldFile, newFile } of changed) {
    if (oldFile !== undefined) appendFileSync(old, readFileSync(oldFile))
    appendFileSync(next, readFileSync(newFile))
  }
  while (window < statSync(old).size && window < 1 << 30) window *= 2
  const args = ['-e', '-9', '-f', '-B', String(window), '-s', old, next, patch]
  const made = measure('xdelta3', args)
  const bytes = made === undefined ? undefined : statSync(patch).size
  rmSync(old)
  rmSync(next)
  return { bytes }
}

function files(folder: string): { empty: string; patch: string; result: string } {
  const empty = path.join(folder, 'empty')
  // One byte: bspatch refuses to read from a file of none.
  writeFileSync(empty, '\n')
  return { empty, patch: path.join(folder, 'patch'), result: path.join(folder, 'result') }
}
