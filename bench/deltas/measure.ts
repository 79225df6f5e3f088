import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** What a command took. */
export interface Cost {
  readonly ms: number
  /** Processor time: on a busy machine the clock says more about others. */
  readonly cpuMs: number | undefined
  /** Peak resident memory; undefined where it cannot be told. */
  readonly peakMiB: number | undefined
  readonly output: string
}

const timer = '/usr/bin/time'
const note = path.join(tmpdir(), `longwave-bench-${process.pid}.txt`)

/** Runs a command to its end; undefined when it is not installed or failed. */
export function measure(command: string, args: readonly string[]): Cost | undefined {
  const timed = existsSync(timer)
  const started = performance.now()
  const result = timed
    ? spawnSync(timer, ['-o', note, '-f', '%M %U %S', command, ...args], { maxBuffer: 1 << 26 })
    : spawnSync(command, args, { maxBuffer: 1 << 26 })
  const ms = performance.now() - started
  const lines = timed && existsSync(note) ? readFileSync(note, 'utf8').trim().split('\n') : []
  rmSync(note, { force: true })
  if (result.error !== undefined || result.status !== 0) return undefined
  const [peak = 0, user = 0, system = 0] = (lines.at(-1) ?? '').split(' ').map(Number)
  const told = peak > 0
  return {
    ms,
    cpuMs: told ? (user + system) * 1000 : undefined,
    peakMiB: told ? peak / 1024 : undefined,
    output: result.stdout.toString(),
  }
}

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}
