import type { Readable } from 'node:stream'
import type { Logger } from 'pino'
import { pluginLimits as limits } from './limits.ts'

/**
 * Takes what a plug-in prints into the log, so many lines in a window: beyond that its output is
 * not read until the next window, and whoever floods waits. Control characters go, so that a line
 * stays one line.
 */
export class PluginLog {
  readonly #logger: Logger
  readonly #facts: Readonly<Record<string, unknown>>
  readonly #streams: Readable[] = []
  readonly #timer: NodeJS.Timeout
  #lines = 0
  #cut = 0

  constructor(logger: Logger, facts: Readonly<Record<string, unknown>>) {
    this.#logger = logger
    this.#facts = facts
    this.#timer = setInterval(() => this.#open(), limits.logWindowMs)
    this.#timer.unref()
  }

  follow(stream: Readable, name: 'stdout' | 'stderr'): void {
    this.#streams.push(stream)
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > limits.logLineCharactersMax)
        rest = rest.slice(0, limits.logLineCharactersMax)
      for (const line of lines) this.#line(line, name)
      if (this.#lines >= limits.logLinesMax) stream.pause()
    })
    stream.on('error', () => undefined)
  }

  #line(line: string, stream: string): void {
    this.#lines += 1
    if (this.#lines > limits.logLinesMax) {
      this.#cut += 1
      return
    }
    const text = line
      .slice(0, limits.logLineCharactersMax)
      .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    if (text.trim() !== '') this.#logger.info({ ...this.#facts, stream, text }, 'plug-in')
  }

  #open(): void {
    if (this.#cut > 0) {
      this.#logger.warn({ ...this.#facts, lines: this.#cut }, 'lines of a plug-in were dropped')
    }
    this.#lines = 0
    this.#cut = 0
    for (const stream of this.#streams) stream.resume()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
