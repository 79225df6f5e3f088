import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../support/network-server.js', import.meta.url))

/** A server that is killed and comes again under its old address. */
export class MortalServer {
  readonly role: string
  readonly #directory: string
  readonly #more: readonly string[]
  #child: ChildProcess | undefined
  #url = ''
  kills = 0

  constructor(role: string, directory: string, more: readonly string[] = []) {
    this.role = role
    this.#directory = directory
    this.#more = more
  }

  get url(): string {
    return this.#url
  }

  /** Resolves when it listens. */
  async start(): Promise<string> {
    const port = this.#url === '' ? '0' : new URL(this.#url).port
    const child = spawn(
      process.execPath,
      [script, this.role, this.#directory, port, ...this.#more],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    this.#child = child
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error(`the ${this.role} did not start`))),
    ])) as [string]
    this.#url = line
    return line
  }

  /** Ends it as a power switch would end a process. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    this.kills += 1
  }
}
