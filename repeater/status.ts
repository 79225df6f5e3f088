import { Gauge, type Registry } from 'prom-client'
import type { ChannelCatalogue } from '../serving/channels/index.ts'
import { addHealth, addMetrics, type HttpServer } from '../serving/index.ts'
import { version } from '../protocol/index.ts'
import type { MirrorContext } from './context.ts'
import { repeaterLimits as limits } from './limits.ts'
import type { ChannelMirror } from './mirror/index.ts'
import type { OriginFollower } from './origin/index.ts'

/** How one mirrored channel stands. */
export interface ChannelStatus {
  readonly name: string
  /** What is served; 0 for nothing yet. */
  readonly release: number
  /** The newest release that is known of. */
  readonly head: number
  /** Seconds since it was last found to be as the origin has it. */
  readonly ageSeconds: number | null
  /** Seconds for which something newer has been known that is not served yet. */
  readonly lagSeconds: number
  readonly failure?: { readonly code: string; readonly message: string; readonly at: string }
}

/** The document under `/-/status`. */
export interface RepeaterStatus {
  readonly service: 'repeater'
  readonly version: string
  readonly origin: string
  readonly publicUrl: string
  /** Whether the origin tells this repeater of changes at once. */
  readonly registered: boolean
  /** Seconds since the origin answered last; null before it did. */
  readonly originAgeSeconds: number | null
  readonly servedBytes: number
  readonly originBytes: { readonly metadata: number; readonly content: number }
  readonly channels: readonly ChannelStatus[]
}

export interface StatusOptions {
  readonly context: MirrorContext
  readonly server: HttpServer
  readonly channels: ChannelCatalogue
  readonly follower: OriginFollower
  publicUrl(): string
}

/** Adds `/-/status`, `/-/health` and `/-/metrics`: what is served, and how old it is. */
export function addStatus(options: StatusOptions): void {
  const { server } = options
  server.app.get('/-/status', (_request, reply) =>
    reply.header('cache-control', 'no-store').send(statusOf(options)),
  )
  addHealth(server, {
    service: 'repeater',
    version,
    checks: {
      origin: () => {
        const age = secondsSince(options, options.follower.reachedAtMs)
        const detail = age === null ? 'Not reached since the start.' : `Reached ${age} seconds ago.`
        return { ok: age !== null && age * 1000 <= limits.silenceMs, detail }
      },
      channels: () => {
        const broken = statusOf(options).channels.filter((one) => one.failure !== undefined)
        if (broken.length === 0) return { ok: true }
        const names = broken.slice(0, 5).map((one) => `${one.name} (${one.failure?.code})`)
        return { ok: false, detail: `${broken.length} not current: ${names.join(', ')}.` }
      },
      records: async () => {
        await options.context.records.channels.list()
        return { ok: true }
      },
    },
  })
  addGauges(addMetrics(server), options)
}

function statusOf(options: StatusOptions): RepeaterStatus {
  const { context, server, follower } = options
  return {
    service: 'repeater',
    version,
    origin: context.origin.url,
    publicUrl: options.publicUrl(),
    registered: follower.isRegistered,
    originAgeSeconds: secondsSince(options, follower.reachedAtMs),
    servedBytes: server.counters.objectBytes,
    originBytes: { ...context.received },
    channels: [...follower.mirrors.values()].map((mirror) => channelStatus(options, mirror)),
  }
}

function channelStatus(options: StatusOptions, mirror: ChannelMirror): ChannelStatus {
  const { name, state } = mirror
  const { failure } = state
  const release = options.channels.find(name)?.head.release ?? 0
  return {
    name,
    release,
    head: Math.max(state.head, release),
    ageSeconds: secondsSince(options, state.confirmedAtMs),
    lagSeconds: secondsSince(options, state.behindSinceMs ?? 0) ?? 0,
    ...(failure === undefined
      ? {}
      : {
          failure: {
            code: failure.code,
            message: failure.message,
            at: new Date(failure.atMs).toISOString(),
          },
        }),
  }
}

/** Null when it has not happened yet. */
function secondsSince({ context }: StatusOptions, atMs: number): number | null {
  return atMs === 0 ? null : Math.max(0, Math.floor((context.clock.now() - atMs) / 1000))
}

function addGauges(registry: Registry, options: StatusOptions): void {
  const registers = [registry]
  const { received } = options.context
  new Gauge({
    name: 'longwave_repeater_origin_bytes',
    help: 'Bytes that came from the origin since the start',
    labelNames: ['kind'],
    registers,
    collect() {
      this.set({ kind: 'metadata' }, received.metadata)
      this.set({ kind: 'content' }, received.content)
    },
  })
  new Gauge({
    name: 'longwave_repeater_origin_age_seconds',
    help: 'Seconds since the origin answered last; -1 before it did',
    registers,
    collect() {
      this.set(secondsSince(options, options.follower.reachedAtMs) ?? -1)
    },
  })
  new Gauge({
    name: 'longwave_repeater_lag_seconds',
    help: 'Seconds for which a newer release has been known that is not served yet',
    labelNames: ['channel'],
    registers,
    collect() {
      this.reset()
      const { channels } = statusOf(options)
      let closedLag: number | undefined
      for (const { name, lagSeconds } of channels.slice(0, limits.measuredChannelsMax)) {
        // Everybody reads these; that a closed channel is there is not everybody's business.
        const isOpen = options.channels.find(name)?.record.access === 'open'
        if (isOpen) this.set({ channel: name }, lagSeconds)
        else closedLag = Math.max(closedLag ?? 0, lagSeconds)
      }
      if (closedLag !== undefined) this.set({ channel: '(closed)' }, closedLag)
    },
  })
}
