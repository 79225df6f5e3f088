import type { Logger } from 'pino'
import { isLongwaveError } from '../../protocol/index.ts'
import { pluginError } from './errors.ts'
import { type PluginTimes, pluginLimits as limits } from './limits.ts'
import type { CallMessage, PluginReturn, StartMessage } from './messages.ts'
import { PluginProcess } from './plugin-process.ts'

interface Waiting {
  readonly call: CallMessage
  readonly resolve: (value: PluginReturn) => void
  readonly reject: (error: unknown) => void
}

/** How a plug-in is doing. */
export interface PluginHealth {
  readonly state: 'idle' | 'starting' | 'running' | 'down' | 'stopped'
  readonly calls: number
  readonly failures: number
  /** Falls of its process since it was last sound. */
  readonly falls: number
  readonly waiting: number
  /** When it is started again at the earliest, ms. */
  readonly restartAtMs?: number
  readonly lastFailure?: string
  readonly pid?: number
}

/**
 * One version of one channel's plug-in: its process is started at the first call, and again after
 * it fell, with growing pauses. While it is down calls are refused at once: updates go on without.
 */
export class PluginHost {
  readonly #start: StartMessage
  readonly #logger: Logger
  readonly #times: PluginTimes
  readonly #clock: { now(): number }
  readonly #waiting: Waiting[] = []
  #process: PluginProcess | undefined
  #starting: Promise<void> | undefined
  #active = 0
  /** Calls that may be under way. */
  #window: number = limits.callsAtOnce
  #falls = 0
  #restartAtMs = 0
  #startedAtMs = 0
  #calls = 0
  #failures = 0
  #lastFailure: string | undefined
  #isStopped = false

  constructor(options: {
    readonly start: StartMessage
    readonly logger: Logger
    readonly clock: { now(): number }
    readonly times: PluginTimes
  }) {
    this.#times = options.times
    this.#start = options.start
    this.#logger = options.logger
    this.#clock = options.clock
  }

  health(): PluginHealth {
    return {
      state: this.#state(),
      calls: this.#calls,
      failures: this.#failures,
      falls: this.#falls,
      waiting: this.#waiting.length,
      ...(this.#restartAtMs > this.#clock.now() ? { restartAtMs: this.#restartAtMs } : {}),
      ...(this.#lastFailure === undefined ? {} : { lastFailure: this.#lastFailure }),
      ...(this.#process?.pid === undefined ? {} : { pid: this.#process.pid }),
    }
  }

  #state(): PluginHealth['state'] {
    if (this.#isStopped) return 'stopped'
    if (this.#starting !== undefined) return 'starting'
    if (this.#process?.isUp === true) return 'running'
    return this.#restartAtMs > this.#clock.now() ? 'down' : 'idle'
  }

  /** Whether a call would be taken now. */
  get isCallable(): boolean {
    return !this.#isStopped && this.#restartAtMs <= this.#clock.now()
  }

  /** @throws LW_PLUGIN_DOWN, LW_PLUGIN_BUSY, LW_PLUGIN_FAILED, LW_PLUGIN_TIMEOUT, LW_PLUGIN_ANSWER */
  async call(call: CallMessage): Promise<PluginReturn> {
    this.#calls += 1
    try {
      return await this.#enqueue(call)
    } catch (error) {
      this.noteFailure(error)
      throw error
    }
  }

  /** Counts a failure, also one that shows only in what was returned. */
  noteFailure(error: unknown): void {
    this.#failures += 1
    this.#lastFailure = error instanceof Error ? error.message : String(error)
  }

  #enqueue(call: CallMessage): Promise<PluginReturn> {
    if (!this.isCallable) return Promise.reject(pluginError('LW_PLUGIN_DOWN'))
    if (this.#waiting.length >= limits.callsWaitingMax) {
      return Promise.reject(pluginError('LW_PLUGIN_BUSY'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject })
      this.#pump()
    })
  }

  #pump(): void {
    // Until its `init` has run, calls wait.
    if (this.#starting !== undefined) return
    const running = this.#process
    if (running === undefined || !running.isUp) {
      this.#starting = this.#begin()
      return
    }
    while (this.#active < this.#window) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#active += 1
      const startedMs = performance.now()
      running
        .call(next.call)
        .then(next.resolve, next.reject)
        .finally(() => {
          this.#active -= 1
          this.#measure(performance.now() - startedMs)
          if (this.#process === running && running.isUp) this.#pump()
        })
    }
  }

  /** Calls wait here rather than in a process that takes long for them. */
  #measure(ms: number): void {
    if (ms > limits.quickCallMs) this.#window = limits.callsAtOnce
    else this.#window = Math.min(limits.callsAtOnceMax, this.#window + 1)
  }

  async #begin(): Promise<void> {
    const begun = new PluginProcess({
      start: this.#start,
      logger: this.#logger,
      times: this.#times,
    })
    this.#process = begun
    this.#active = 0
    this.#window = limits.callsAtOnce
    this.#startedAtMs = this.#clock.now()
    const channel = this.#start.channel.name
    void begun.exited.then(() => this.#fell(begun))
    try {
      await begun.start(this.#start)
      this.#logger.info({ channel, pid: begun.pid }, 'a plug-in runs')
      this.#starting = undefined
      this.#pump()
    } catch (error) {
      this.#logger.error({ channel, err: error }, 'a plug-in did not start')
      this.#starting = undefined
      this.#refuseWaiting(error)
    }
  }

  #fell(process: PluginProcess): void {
    if (this.#process !== process || this.#isStopped) return
    this.#process = undefined
    const nowMs = this.#clock.now()
    if (nowMs - this.#startedAtMs >= limits.soundAfterMs) this.#falls = 0
    const pauseMs = Math.min(limits.restartCapMs, this.#times.restartBaseMs * 2 ** this.#falls)
    this.#falls += 1
    this.#restartAtMs = nowMs + pauseMs
    const { name } = this.#start.channel
    this.#logger.warn({ channel: name, falls: this.#falls, pauseMs }, 'a plug-in fell')
    this.#refuseWaiting(pluginError('LW_PLUGIN_DOWN', { detail: 'Its process ended.' }))
  }

  #refuseWaiting(error: unknown): void {
    const reason = isLongwaveError(error) ? error : pluginError('LW_PLUGIN_DOWN', { cause: error })
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
  }

  /** Lets the calls that run end, then the process. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#refuseWaiting(pluginError('LW_PLUGIN_DOWN', { detail: 'It is being replaced.' }))
    await this.#starting
    await this.#process?.stop()
  }
}
