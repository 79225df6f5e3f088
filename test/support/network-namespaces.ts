import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** Why network namespaces cannot be made here; undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  const name = `lw${process.pid}try`
  try {
    run('ip', ['netns', 'add', name])
    run('ip', ['netns', 'del', name])
    return undefined
  } catch (error) {
    return `ip netns add: ${String((error as Error).message)
      .split('\n')
      .slice(0, 2)
      .join(' ')}`
  }
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/**
 * Hosts in network namespaces of their own, behind one bridge. None has a default route: what is
 * meant to be cut cannot find another way.
 */
export class NamespaceNetwork implements Disposable {
  readonly #prefix = `lw${process.pid}`
  readonly #hosts: string[] = []
  readonly #children: ChildProcess[] = []

  constructor() {
    run('ip', ['netns', 'add', this.#hub])
    this.#ip(this.#hub, 'link', 'add', 'br0', 'type', 'bridge')
    this.#ip(this.#hub, 'link', 'set', 'br0', 'up')
  }

  get #hub(): string {
    return `${this.#prefix}hub`
  }

  #ip(namespace: string, ...args: readonly string[]): void {
    run('ip', ['-n', namespace, ...args])
  }

  #namespace(host: string): string {
    return `${this.#prefix}${host}`
  }

  /** @returns the host's address */
  addHost(host: string): string {
    const namespace = this.#namespace(host)
    const address = `10.77.0.${this.#hosts.push(host)}`
    run('ip', ['netns', 'add', namespace])
    this.#ip(namespace, 'link', 'set', 'lo', 'up')
    const far = ['name', 'eth0', 'netns', namespace]
    this.#ip(this.#hub, 'link', 'add', `to-${host}`, 'type', 'veth', 'peer', ...far)
    this.#ip(this.#hub, 'link', 'set', `to-${host}`, 'master', 'br0', 'up')
    this.#ip(namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    this.#ip(namespace, 'link', 'set', 'eth0', 'up')
    return address
  }

  /** Bounds what comes to a host and what it sends, each in bits per second as `tc` writes it. */
  slow(host: string, rate: string): void {
    const shape = ['root', 'tbf', 'rate', rate, 'burst', '32kbit', 'latency', '400ms']
    run('tc', ['-n', this.#namespace(host), 'qdisc', 'replace', 'dev', 'eth0', ...shape])
    run('tc', ['-n', this.#hub, 'qdisc', 'replace', 'dev', `to-${host}`, ...shape])
  }

  fast(host: string): void {
    run('tc', ['-n', this.#namespace(host), 'qdisc', 'del', 'dev', 'eth0', 'root'])
    run('tc', ['-n', this.#hub, 'qdisc', 'del', 'dev', `to-${host}`, 'root'])
  }

  cut(host: string): void {
    this.#ip(this.#hub, 'link', 'set', `to-${host}`, 'down')
  }

  join(host: string): void {
    this.#ip(this.#hub, 'link', 'set', `to-${host}`, 'up')
  }

  /** Drops on one host what is meant for another one. */
  block(host: string, address: string): void {
    this.#ip(this.#namespace(host), 'route', 'add', 'blackhole', `${address}/32`)
  }

  unblock(host: string, address: string): void {
    this.#ip(this.#namespace(host), 'route', 'del', 'blackhole', `${address}/32`)
  }

  #spawn(host: string, home: string, command: readonly string[]): ChildProcess {
    // `env` becomes the process: tap's recorder of modules would make each start much slower.
    const inside = [
      'netns',
      'exec',
      this.#namespace(host),
      'env',
      'NODE_OPTIONS=',
      process.execPath,
    ]
    const child = spawn('ip', [...inside, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], NO_COLOR: '1', LONGWAVE_HOME: home },
    })
    this.#children.push(child)
    return child
  }

  /** Starts a server by its command line; resolves with the URL of its first line. */
  async serve(host: string, home: string, args: readonly string[]): Promise<string> {
    const child = this.#spawn(host, home, [main, ...args, '--quiet'])
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout ?? process.stdin }), 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error(errors.slice(0, 2000)))),
    ])) as [string]
    return line
  }

  /** Runs a command to its end. */
  async run(
    host: string,
    home: string,
    args: readonly string[],
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    return this.#finish(this.#spawn(host, home, [main, ...args, '--quiet']))
  }

  /** Fetches a URL on a host; undefined when nobody answers in two seconds. */
  async fetch(host: string, url: string): Promise<string | undefined> {
    const script =
      'fetch(process.argv[1], { signal: AbortSignal.timeout(2000) })' +
      '.then((answer) => answer.text()).then((text) => process.stdout.write(text))'
    const { code, stdout } = await this.#finish(this.#spawn(host, '', ['-e', script, url]))
    return code === 0 ? stdout : undefined
  }

  async #finish(child: ChildProcess) {
    let stdout = ''
    let stderr = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, stdout, stderr }
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const host of [...this.#hosts, 'hub']) {
      try {
        run('ip', ['netns', 'del', this.#namespace(host)])
      } catch {
        // It was not made.
      }
    }
  }
}
