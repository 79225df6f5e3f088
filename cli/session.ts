import path from 'node:path'
import { createBandwidthLimit, createTransport, type Transport } from '../transport/index.ts'
import type { Output, Progress } from './output/index.ts'
import { createProgress } from './output/index.ts'

/** What every command gets. */
export interface Session {
  readonly output: Output
  /** `LONGWAVE_HOME`, absolute. */
  readonly home: string
  readonly yes: boolean
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  progress(): Progress
  /**
   * Opens a transport that is closed when the command ends.
   * @param bandwidth bytes per second of all its transfers together; no limit when absent
   */
  transport(bandwidth?: number): Transport
  /** Runs at the end, last first, whatever happened. */
  onEnd(work: () => Promise<unknown>): void
  close(): Promise<void>
}

export function createSession(options: {
  readonly output: Output
  readonly home: string
  readonly yes: boolean
  readonly signal: AbortSignal
}): Session {
  const ends: (() => Promise<unknown>)[] = []
  return {
    ...options,
    home: path.resolve(options.home),
    progress: () => createProgress({ quiet: options.output.quiet || options.output.json }),
    transport(bandwidth) {
      const transport = createTransport({
        userAgent: 'longwave',
        proxyEnvironment: process.env,
        ...(bandwidth === undefined
          ? {}
          : { bandwidth: createBandwidthLimit({ bytesPerSecond: bandwidth }) }),
      })
      ends.push(() => transport.stop())
      return transport
    },
    onEnd(work) {
      ends.push(work)
    },
    async close() {
      for (const end of ends.reverse()) await end()
    },
  }
}
