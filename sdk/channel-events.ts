import type { IncomingMessage } from 'node:http'
import { sdkLimits as limits } from './limits.ts'
import type { TunerLine } from './tuner-line.ts'

/** What a tuner tells a running channel. */
export type ChannelEvent =
  | { readonly type: 'hello'; readonly release: number }
  | { readonly type: 'update'; readonly release: number; readonly from: number }
  | { readonly type: 'installed'; readonly release: number; readonly from: number }
  | { readonly type: 'reply' }

/**
 * Listens to the tuner for as long as the channel runs: the open line is also what tells the tuner
 * that it runs. A tuner that goes away is dialled again and again.
 */
export class EventLine {
  readonly #line: TunerLine
  readonly #onEvent: (event: ChannelEvent) => void
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #answer: IncomingMessage | undefined
  #failures = 0
  #running: Promise<void> | undefined

  constructor(line: TunerLine, onEvent: (event: ChannelEvent) => void) {
    this.#line = line
    this.#onEvent = onEvent
  }

  start(): void {
    this.#running ??= this.#listen().finally(() => {
      this.#running = undefined
      if (!this.#stop.signal.aborted) this.#redial()
    })
  }

  #redial(): void {
    const pauseMs = Math.min(limits.redialCapMs, limits.redialBaseMs * 2 ** this.#failures)
    this.#failures += 1
    this.#timer = setTimeout(() => this.start(), pauseMs)
    // A channel that has nothing else to do may end.
    this.#timer.unref()
  }

  async #listen(): Promise<void> {
    try {
      const answer = await this.#line.open('GET', '/events', { signal: this.#stop.signal })
      this.#answer = answer
      answer.socket.unref()
      if (answer.statusCode !== 200) {
        answer.resume()
        return
      }
      let rest = ''
      answer.setEncoding('utf8')
      for await (const text of answer as AsyncIterable<string>) {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        if (rest.length > limits.eventBytesMax) return
        for (const line of lines) this.#take(line)
      }
    } catch {
      // Dialled again.
    }
  }

  #take(line: string): void {
    if (line === '') return
    this.#failures = 0
    this.#onEvent(JSON.parse(line) as ChannelEvent)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    this.#answer?.destroy()
    await this.#running
  }
}
