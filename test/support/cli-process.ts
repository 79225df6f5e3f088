import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

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
  const code = await ended(child)
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
  const objects = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  return { code, stdout, stderr, objects, last: objects.at(-1) ?? {} }
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

function start(args: readonly string[], options: CliOptions): ChildProcess {
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], NO_COLOR: '1' }
  return spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, LONGWAVE_HOME: options.home, ...options.env },
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
