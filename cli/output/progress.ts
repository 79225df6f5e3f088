import { createRequire } from 'node:module'
import type { SingleBar } from 'cli-progress'
import { shareText, sizeText } from './text.ts'

/** Shows how far something long is. */
export interface Progress {
  update(stage: string, done: number, total: number): void
  stop(): void
}

const lineEveryMs = 10_000

/** A bar on a terminal; elsewhere a line every ten seconds, so that logs stay short. */
export function createProgress(options: {
  readonly quiet: boolean
  readonly stream?: NodeJS.WriteStream
}): Progress {
  const stream = options.stream ?? process.stderr
  if (options.quiet) return { update: () => undefined, stop: () => undefined }
  return stream.isTTY === true ? barProgress(stream) : lineProgress(stream)
}

function barProgress(stream: NodeJS.WriteStream): Progress {
  // Only a terminal needs it, and it is not small.
  const { SingleBar: Bar } = createRequire(import.meta.url)('cli-progress') as {
    readonly SingleBar: typeof SingleBar
  }
  let bar: SingleBar | undefined
  let current = ''
  return {
    update(stage, done, total) {
      if (bar === undefined || stage !== current) {
        bar?.stop()
        bar = new Bar({
          stream,
          format: `${stage.padEnd(10)} {bar} {percentage}% {amount}`,
          clearOnComplete: true,
          hideCursor: true,
        })
        bar.start(Math.max(1, total), 0, { amount: '' })
        current = stage
      }
      bar.setTotal(Math.max(1, total))
      bar.update(done, { amount: `${sizeText(done)} of ${sizeText(total)}` })
    },
    stop() {
      bar?.stop()
      bar = undefined
    },
  }
}

function lineProgress(stream: NodeJS.WritableStream): Progress {
  let lastMs = performance.now()
  return {
    update(stage, done, total) {
      if (performance.now() - lastMs < lineEveryMs) return
      lastMs = performance.now()
      stream.write(
        `${stage}: ${sizeText(done)} of ${sizeText(total)} (${shareText(done, total)})\n`,
      )
    },
    stop: () => undefined,
  }
}
