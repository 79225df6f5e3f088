import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const host = fileURLToPath(new URL('./cli-host-process.js', import.meta.url))

/** What a command line is run with. */
export interface CliOptions {
  readonly home: string
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly cwd?: string
}

/** How a command ended. */
export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The JSON lines on standard output. */
  readonly objects: readonly Readonly<Record<string, unknown>>[]
  /** The last of them. */
  readonly last: Readonly<Record<string, unknown>>
}

/** A server that was started by its command. */
export interface CliServer {
  /** Its first line on standard output. */
  readonly firstLine: string
  readonly child: ChildProcess
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** Runs the built command line as a process of its own. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliRun> {
  const child = start(args, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return runOf({ code: await ended(child), stdout, stderr })
}

function runOf(ending: Pick<CliRun, 'code' | 'stdout' | 'stderr'>): CliRun {
  const lines = ending.stdout.split('\n').filter((line) => line.startsWith('{'))
  const objects = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  return { ...ending, objects, last: objects.at(-1) ?? {} }
}

/** Runs command lines one after the other. */
export interface CliHost {
  run(args: readonly string[], options: Pick<CliOptions, 'home' | 'env'>): Promise<CliRun>
  stop(): Promise<unknown>
}

/**
 * A process that runs any number of command lines, so that a test of many pays one start. What is
 * about processes (signals, files of the process, exit codes of crashes) needs `runCli`.
 */
export function startCliHost(): CliHost {
  const child = spawn('env', ['NODE_OPTIONS=', process.execPath, host], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], NO_COLOR: '1' },
  })
  const end = once(child, 'exit') as Promise<[number | null]>
  const over = end.then(([code]) => {
    throw new Error(`the host of command lines ended with ${code}`)
  })
  over.catch(() => undefined)
  return {
    async run(args, { home, env }) {
      const answer = once(child, 'message') as Promise<[Pick<CliRun, 'code' | 'stdout' | 'stderr'>]>
      child.send({ args, env: { LONGWAVE_HOME: home, ...env } })
      const [ending] = await Promise.race([answer, over])
      return runOf(ending)
    },
    stop() {
      child.disconnect()
      return end
    },
  }
}

/** Starts a server and waits for its first line. */
export async function startCli(args: readonly string[], options: CliOptions): Promise<CliServer> {
  const child = start(args, options)
  const end = ended(child)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const lines = createInterface({ input: child.stdout ?? process.stdin })
  const firstLine = await Promise.race([
    new Promise<string>((resolve) => lines.once('line', resolve)),
    end.then((code) => {
      throw new Error(`longwave ${args.join(' ')} ended with ${code}: ${stderr}`)
    }),
  ])
  return {
    firstLine,
    child,
    async stop() {
      child.kill('SIGTERM')
      return end
    },
  }
}

/**
 * A process as a user would start it. tap puts a recorder of modules into the Node options of every
 * process below a test: it would make each start much slower, and a channel's sandbox would refuse
 * to read it. `env` sets them last, and becomes the process.
 */
function start(args: readonly string[], options: CliOptions): ChildProcess {
  const { NODE_OPTIONS: nodeOptions = '', ...env } = options.env ?? {}
  return spawn('env', [`NODE_OPTIONS=${nodeOptions}`, process.execPath, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NO_COLOR: '1', LONGWAVE_HOME: options.home, ...env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
}

/** A temporary folder with a base directory and homes; `remove` belongs in the teardown. */
export async function makeCliFolder(): Promise<{
  readonly root: string
  readonly home: string
  readonly base: string
  remove(): Promise<void>
}> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-cli-'))
  return {
    root,
    home: path.join(root, 'home'),
    base: path.join(root, 'base'),
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 3 }),
  }
}
