import { Counter, type Registry } from 'prom-client'
import { transmitterLimits as limits } from '../limits.ts'

/** What was done for one channel since the start; plain numbers, so that hot paths may count. */
export interface ChannelCounts {
  polls: number
  objectBytes: number
  compressedBytes: number
  packBytes: number
  bundleBytes: number
  fileBytes: number
  bundlesMade: number
  bundlesUseless: number
  bundlesFailed: number
  bundleMs: number
  commits: number
  conflicts: number
}

function emptyCounts(): ChannelCounts {
  return {
    polls: 0,
    objectBytes: 0,
    compressedBytes: 0,
    packBytes: 0,
    bundleBytes: 0,
    fileBytes: 0,
    bundlesMade: 0,
    bundlesUseless: 0,
    bundlesFailed: 0,
    bundleMs: 0,
    commits: 0,
    conflicts: 0,
  }
}

/** Under which channels beyond the limit are counted. */
const others = '(others)'

/** Counts per channel; the channels beyond a limit share one. */
export class ChannelMeasures {
  readonly #counts = new Map<string, ChannelCounts>()
  #labelOf = (channel: string): string => channel

  of(channel: string): ChannelCounts {
    const known = this.#counts.get(channel)
    if (known !== undefined) return known
    const name = this.#counts.size < limits.measuredChannelsMax ? channel : others
    const counts = this.#counts.get(name) ?? emptyCounts()
    this.#counts.set(name, counts)
    return counts
  }

  /**
   * Adds the counts to a server's metrics, which whoever reaches the server reads: those of
   * channels that are not open are summed up under one label, which is no channel's name.
   */
  addTo(registry: Registry, isOpen: (channel: string) => boolean): void {
    this.#labelOf = (channel) => (channel === others || isOpen(channel) ? channel : '(closed)')
    this.#add(registry, 'longwave_channel_polls_total', 'Polls of a channel', {
      all: (counts) => counts.polls,
    })
    this.#add(registry, 'longwave_channel_bytes_total', 'Bytes of bodies that were asked for', {
      object: (counts) => counts.objectBytes,
      compressed: (counts) => counts.compressedBytes,
      pack: (counts) => counts.packBytes,
      bundle: (counts) => counts.bundleBytes,
      file: (counts) => counts.fileBytes,
    })
    this.#add(registry, 'longwave_channel_bundles_total', 'Makings of bundles by how they ended', {
      ready: (counts) => counts.bundlesMade,
      useless: (counts) => counts.bundlesUseless,
      failed: (counts) => counts.bundlesFailed,
    })
    this.#add(registry, 'longwave_channel_bundle_seconds_total', 'Time spent on making bundles', {
      all: (counts) => counts.bundleMs / 1000,
    })
    this.#add(registry, 'longwave_channel_commits_total', 'Commits by how they ended', {
      won: (counts) => counts.commits,
      lost: (counts) => counts.conflicts,
    })
  }

  #add(
    ...[registry, name, help, kinds]: [
      Registry,
      string,
      string,
      Readonly<Record<string, (counts: ChannelCounts) => number>>,
    ]
  ): void {
    const measures = this.#counts
    const labelOf = (channel: string): string => this.#labelOf(channel)
    const isSplit = Object.keys(kinds).length > 1
    new Counter({
      name,
      help,
      labelNames: isSplit ? ['channel', 'kind'] : ['channel'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [name, counts] of measures) {
          const channel = labelOf(name)
          for (const [kind, read] of Object.entries(kinds)) {
            this.inc(isSplit ? { channel, kind } : { channel }, read(counts))
          }
        }
      },
    })
  }
}
