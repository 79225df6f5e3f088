import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What a process cost. */
export interface Cost {
  readonly seconds: number
  /** User and system time, seconds. */
  readonly cpuSeconds: number
  /** Greatest resident size, bytes. */
  readonly peakBytes: number
  readonly output: string
}

const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const pollEveryMs = 20
const ticksPerSecond = 100

/** Runs one command line of longwave to its end. */
export function longwave(home: string, ...given: readonly string[]): Promise<Cost> {
  return measure(process.execPath, [cli, '--home', home, ...given])
}

/** Runs a command and watches what it takes; fails when the command does. */
export async function measure(command: string, given: readonly string[]): Promise<Cost> {
  const startedMs = performance.now()
  const child = spawn(command, given, { stdio: ['ignore', 'pipe', 'pipe'] })
  const watch = watchProcess(child.pid ?? 0)
  const texts = { output: '', errors: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.errors += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  const seconds = (performance.now() - startedMs) / 1000
  if (code !== 0)
    throw new Error(`${command} ${given.join(' ')} ended with ${code}: ${texts.errors}`)
  return { seconds, ...watch.end(), output: texts.output }
}

/** The kernel keeps the peak and the times; the last look before the end is what counts. */
function watchProcess(pid: number) {
  const last = { cpuSeconds: 0, peakBytes: 0 }
  const look = (): void => {
    try {
      last.peakBytes = Math.max(last.peakBytes, peakOf(pid))
      last.cpuSeconds = Math.max(last.cpuSeconds, cpuOf(pid))
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(look, pollEveryMs)
  return {
    end() {
      clearInterval(timer)
      return last
    },
  }
}

/** VmHWM of a process, bytes. */
export function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}

function cpuOf(pid: number): number {
  return cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** User and system time in the kernel's line about a process. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Its own, and that of its children that have ended.
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
  return ticks / ticksPerSecond
}

/** A transmitter in a process of its own, for as long as it is needed. */
export async function startTransmitter(home: string) {
  const given = [cli, '--home', home, 'transmitter', 'start', '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4000)
  })
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'close').then(() => {
    throw new Error(`the transmitter ended: ${said}`)
  })
  ended.catch(() => undefined)
  const [url] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  const pid = child.pid ?? 0
  return {
    url,
    peakBytes: () => peakOf(pid),
    async stop() {
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
    },
  }
}
