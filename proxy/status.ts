import { Gauge } from 'prom-client'
import { version } from '../protocol/index.ts'
import { addMetrics } from '../serving/index.ts'
import type { ContentCache } from './cache/index.ts'
import type { Channels } from './channels/index.ts'
import type { Content } from './content/index.ts'
import type { ProxyContext } from './context.ts'
import type { ProxyMeasures } from './measures.ts'

/** What `addStatus` takes. */
export interface StatusParts {
  readonly context: ProxyContext
  readonly cache: ContentCache
  readonly channels: Channels
  readonly content: Content
}

/** The document under `/-/status`. */
export interface ProxyStatus {
  readonly service: 'proxy'
  readonly version: string
  readonly origins: readonly string[]
  readonly channels: number
  /** Connections of tuners that are open now. */
  readonly connections: number
  readonly upstreamConnections: number
  /** Share of content requests that needed no download of their own; 0 before the first. */
  readonly hitRate: number
  /** Content bytes that tuners were sent, and how many of them did not cross. */
  readonly bytesServed: number
  readonly bytesSaved: number
  readonly cacheBytes: number
  readonly cacheBudgetBytes: number
  readonly cacheEntries: number
  readonly fillsRunning: number
  readonly measures: ProxyMeasures
}

/** Adds `GET /-/status` and `GET /-/metrics`. */
export function addStatus(parts: StatusParts): void {
  const { app } = parts.context.server
  app.get('/-/status', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return statusOf(parts)
  })
  addGauges(parts)
}

async function statusOf(parts: StatusParts): Promise<ProxyStatus> {
  const { context, cache, channels, content } = parts
  const { measures } = context
  return {
    service: 'proxy',
    version,
    origins: context.origins.listed.map((listed) => listed.base),
    channels: channels.size,
    connections: await context.server.connections(),
    upstreamConnections: measures.upstreamConnections,
    hitRate: hitRate(measures),
    bytesServed: bytesServed(context),
    bytesSaved: bytesSaved(context),
    cacheBytes: cache.bytes,
    cacheBudgetBytes: cache.budgetBytes,
    cacheEntries: cache.size,
    fillsRunning: content.fillsRunning,
    measures: { ...measures },
  }
}

function hitRate(measures: ProxyMeasures): number {
  const served = measures.objectHits + measures.objectJoins
  const all = served + measures.objectMisses
  return all === 0 ? 0 : served / all
}

function bytesServed(context: ProxyContext): number {
  return context.server.counters.objectBytes + context.measures.contentBytesRelayed
}

function bytesSaved(context: ProxyContext): number {
  return Math.max(0, bytesServed(context) - context.measures.contentBytesUpstream)
}

const described: Readonly<Partial<Record<keyof ProxyMeasures, readonly [string, string]>>> = {
  updates: ['longwave_proxy_updates', 'Update requests carried upstream'],
  updatesFailed: ['longwave_proxy_updates_failed', 'Update requests without an answer'],
  updatesWaiting: ['longwave_proxy_updates_waiting', 'Update requests under way'],
  polls: ['longwave_proxy_polls', 'Polls of tuners'],
  pollsUpstream: ['longwave_proxy_polls_upstream', 'Polls that went upstream'],
  objectHits: ['longwave_proxy_hits', 'Content requests answered from the cache'],
  objectJoins: ['longwave_proxy_joins', 'Content requests answered by a download under way'],
  objectMisses: ['longwave_proxy_misses', 'Content requests that began a download'],
  contentBytesUpstream: ['longwave_proxy_content_bytes_upstream', 'Content bytes from upstream'],
  fillsFailed: ['longwave_proxy_fills_failed', 'Downloads that gave no cache entry'],
  fillsResumed: ['longwave_proxy_fills_resumed', 'Downloads continued where they broke'],
  proofs: ['longwave_proxy_proofs', 'Requests that only asked whether somebody may have content'],
  relayed: ['longwave_proxy_relayed', 'Requests handed through without the cache'],
  evictions: ['longwave_proxy_evictions', 'Entries that made room for others'],
  damaged: ['longwave_proxy_damaged', 'Entries that were found damaged and removed'],
  cacheErrors: ['longwave_proxy_cache_errors', 'Disk errors of the cache'],
  bundlesMade: ['longwave_proxy_bundles_made', 'Bundles that the proxy made itself'],
  askersWaiting: ['longwave_proxy_askers_waiting', 'Content requests whose answer has not begun'],
  upstreamConnections: ['longwave_proxy_upstream_connections', 'Open connections upstream'],
  upstreamErrors: ['longwave_proxy_upstream_errors', 'Requests upstream that failed'],
}

function addGauges(parts: StatusParts): void {
  const { context, cache } = parts
  const { measures } = context
  const registry = addMetrics(context.server)
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  for (const [key, [name, help]] of Object.entries(described)) {
    gauge(name, help, () => measures[key as keyof ProxyMeasures])
  }
  gauge('longwave_proxy_hit_rate', 'Share of content requests without a download', () =>
    hitRate(measures),
  )
  gauge('longwave_proxy_content_bytes_served', 'Content bytes sent to tuners', () =>
    bytesServed(context),
  )
  gauge('longwave_proxy_bytes_saved', 'Content bytes that did not cross', () => bytesSaved(context))
  gauge('longwave_proxy_cache_bytes', 'Bytes of cached content', () => cache.bytes)
}
