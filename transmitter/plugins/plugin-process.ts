import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { isValid } from '../../protocol/index.ts'
import { pluginError } from './errors.ts'
import { encodeFrame, FrameReader, writeTogether } from './frames.ts'
import { type PluginTimes, pluginLimits as limits } from './limits.ts'
import { type CallMessage, FromPlugin, type PluginReturn, type StartMessage } from './messages.ts'
import type { ToPlugin } from './messages.ts'
import { PluginLog } from './plugin-log.ts'

interface Pending {
  readonly resolve: (value: PluginReturn) => void
  readonly reject: (error: unknown) => void
  readonly timer: NodeJS.Timeout
}

/** One process of a plug-in, from its start to its end; it is never started twice. */
export class PluginProcess {
  readonly #child: ChildProcess
  readonly #line: Socket
  readonly #log: PluginLog
  readonly #times: PluginTimes
  readonly #calls = new Map<number, Pending>()
  readonly #abandoned = new Set<number>()
  readonly #exited: Promise<void>
  #watch: NodeJS.Timeout | undefined
  #ping: { readonly id: number; readonly timer: NodeJS.Timeout } | undefined
  #ready: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  readonly #onDrained: (() => void)[] = []
  #next = 1
  #abandonedInRow = 0
  #isDown = false

  constructor(options: {
    readonly start: StartMessage
    readonly logger: Logger
    readonly times: PluginTimes
  }) {
    this.#times = options.times
    const { start, logger } = options
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = fileURLToPath(new URL(`./plugin-worker.${extension}`, import.meta.url))
    this.#child = spawn(
      process.execPath,
      [`--max-old-space-size=${limits.heapMebibytes}`, worker],
      // Nothing of the transmitter's environment; a group of its own, so that all of it can be ended.
      { cwd: start.directory, env: {}, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
    )
    this.#line = this.#child.stdio[3] as Socket
    this.#log = new PluginLog(logger, { channel: start.channel.name })
    if (this.#child.stdout !== null) this.#log.follow(this.#child.stdout, 'stdout')
    if (this.#child.stderr !== null) this.#log.follow(this.#child.stderr, 'stderr')
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.once('error', () => resolve())
    })
    this.#exited.then(() => this.#end())
    this.#listen()
  }

  /** Whether calls can be made. */
  get isUp(): boolean {
    return !this.#isDown
  }

  get calls(): number {
    return this.#calls.size
  }

  get exited(): Promise<void> {
    return this.#exited
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  #listen(): void {
    const reader = new FrameReader(limits.messageBytesMax)
    this.#line.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#take(message)
      } catch {
        this.kill()
      }
    })
    this.#line.on('error', () => this.kill())
  }

  /** Loads the plug-in and runs its `init`. @throws LW_PLUGIN_FAILED, LW_PLUGIN_TIMEOUT */
  async start(start: StartMessage): Promise<void> {
    const { pid } = this.#child
    // Serving goes before plug-ins.
    if (pid !== undefined) lowerPriority(pid)
    const ready = new Promise<void>((resolve, reject) => {
      this.#ready = { resolve, reject }
    })
    const timer = setTimeout(
      () => this.#fail(pluginError('LW_PLUGIN_TIMEOUT')),
      this.#times.startMs,
    )
    this.#tell({ kind: 'start', start })
    try {
      await ready
    } finally {
      clearTimeout(timer)
    }
    this.#watch = setInterval(() => void this.#checkMemory(), 1_000)
    this.#watch.unref()
  }

  /** @throws LW_PLUGIN_FAILED, LW_PLUGIN_TIMEOUT, LW_PLUGIN_DOWN, LW_PLUGIN_ANSWER */
  call(call: CallMessage): Promise<PluginReturn> {
    if (this.#isDown) return Promise.reject(pluginError('LW_PLUGIN_DOWN'))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#abandon(id), this.#times.callMs)
      this.#calls.set(id, { resolve, reject, timer })
      this.#tell({ kind: 'call', id, call })
    })
  }

  /** Lets calls end, then the process; it is killed when it takes too long. */
  async stop(): Promise<void> {
    const kill = setTimeout(() => this.kill(), this.#times.callMs + limits.stopMs)
    await this.#drained()
    if (!this.#isDown) this.#tell({ kind: 'stop' })
    await this.#exited
    clearTimeout(kill)
  }

  /** Ends the process and all that it started, at once. */
  kill(): void {
    this.#isDown = true
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }

  /** Resolves when no call is under way. */
  #drained(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onDrained.push(resolve)
    })
  }

  #tell(message: ToPlugin): void {
    if (this.#line.destroyed) return
    writeTogether(this.#line, encodeFrame(message, limits.messageBytesMax))
  }

  #take(message: unknown): void {
    if (!isValid(FromPlugin, message)) {
      this.#takeUnfit(message)
      return
    }
    switch (message.kind) {
      case 'ready':
        this.#ready?.resolve()
        return
      case 'failed':
        this.#fail(pluginError('LW_PLUGIN_FAILED', { detail: oneLine(message.text) }))
        return
      case 'pong':
        if (this.#ping?.id === message.id) this.#stopPing()
        return
      case 'returned':
        this.#abandonedInRow = 0
        this.#settle(message.id)?.resolve(message.value)
        return
      case 'threw':
        this.#abandonedInRow = 0
        this.#settle(message.id)?.reject(
          pluginError('LW_PLUGIN_FAILED', { detail: oneLine(message.text) }),
        )
    }
  }

  /** An answer out of bounds costs that call; anything else that is malformed costs the process. */
  #takeUnfit(message: unknown): void {
    const { kind, id } = (message ?? {}) as { readonly kind?: unknown; readonly id?: unknown }
    if (kind === 'returned' && typeof id === 'number') {
      this.#settle(id)?.reject(pluginError('LW_PLUGIN_ANSWER', { detail: 'It has another form.' }))
    } else this.kill()
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#calls.get(id)
    this.#calls.delete(id)
    this.#abandoned.delete(id)
    clearTimeout(pending?.timer)
    if (this.#calls.size === 0) for (const resolve of this.#onDrained.splice(0)) resolve()
    return pending
  }

  /** Nobody waits for a call any longer; a process that does not even answer a ping is killed. */
  #abandon(id: number): void {
    this.#settle(id)?.reject(pluginError('LW_PLUGIN_TIMEOUT'))
    this.#abandoned.add(id)
    this.#abandonedInRow += 1
    this.#tell({ kind: 'abandon', id })
    const isStuck = this.#abandonedInRow > limits.abandonedInRowMax
    if (isStuck || this.#abandoned.size > limits.abandonedMax) {
      this.kill()
      return
    }
    if (this.#ping !== undefined) return
    const timer = setTimeout(() => this.kill(), this.#times.pongMs)
    this.#ping = { id, timer }
    this.#tell({ kind: 'ping', id })
  }

  #stopPing(): void {
    clearTimeout(this.#ping?.timer)
    this.#ping = undefined
  }

  #fail(error: unknown): void {
    this.#ready?.reject(error)
    this.kill()
  }

  #end(): void {
    this.#isDown = true
    clearInterval(this.#watch)
    this.#stopPing()
    this.#log.stop()
    this.#line.destroy()
    const error = pluginError('LW_PLUGIN_DOWN', { detail: 'Its process ended.' })
    this.#ready?.reject(error)
    for (const id of [...this.#calls.keys()]) this.#settle(id)?.reject(error)
  }

  /** The heap has its own limit; buffers and what else a process takes are looked at here. */
  async #checkMemory(): Promise<void> {
    const { pid } = this.#child
    if (process.platform !== 'linux' || pid === undefined || this.#isDown) return
    const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
    const pages = Number(statm.split(' ')[1] ?? 0)
    if (pages * 4096 > limits.memoryBytesMax) this.kill()
  }
}

function lowerPriority(pid: number): void {
  try {
    os.setPriority(pid, os.constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It has ended already, or the system does not let us.
  }
}

function oneLine(text: string): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 500)
    .trim()
  return clean.endsWith('.') ? clean : `${clean}.`
}
