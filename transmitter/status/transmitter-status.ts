import { type ChannelName, version } from '../../protocol/index.ts'
import type { ChannelView } from '../../serving/channels/index.ts'
import type { FeedbackCounts } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import type { FeedbackRoom } from '../feedback/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { PluginHealth } from '../plugins/index.ts'

/** A repeater as its origin sees it. */
export interface RepeaterOfStatus {
  readonly url: string
  readonly isUp: boolean
  /** Seconds since it asked for news; null when it said good-bye. */
  readonly heardSecondsAgo: number | null
}

/** How a channel stands; feedback and plug-in are for administrators. */
export interface ChannelOfStatus {
  readonly name: string
  readonly state: string
  readonly access: string
  readonly release: number
  readonly polls: number
  readonly bytesSent: number
  /** Of the repeaters that are up: what they serve, and how many tuners were sent there. */
  readonly repeaters: readonly {
    readonly url: string
    readonly release: number
    readonly releasesBehind: number
    readonly tuners: number
  }[]
  readonly feedback?: FeedbackCounts & {
    readonly bytesMax: number
    /** Requests whose feedback was refused since the start. */
    readonly refused: number
  }
  readonly plugin?: Omit<PluginHealth, 'pid'>
}

/** The document under `/-/status`. */
export interface TransmitterStatus {
  readonly service: 'transmitter'
  readonly version: string
  readonly url: string
  /** Connections that are open now. */
  readonly connections: number
  readonly repeaters: readonly RepeaterOfStatus[]
  readonly channels: readonly ChannelOfStatus[]
}

export interface StatusServices {
  readonly context: TransmitterContext
  readonly room: Pick<FeedbackRoom, 'bounds' | 'refused'>
  pluginHealth(channel: ChannelView['record']['name']): PluginHealth | undefined
}

/**
 * `GET /-/status`: who is connected, and how channels, repeaters, feedback and plug-ins stand. Closed
 * channels, feedback and plug-ins are told to those who may publish the channel.
 */
export function addTransmitterStatus(services: StatusServices): void {
  const { app } = services.context.server
  app.get('/-/status', async (request, reply) =>
    reply
      .header('cache-control', 'private, no-store')
      .header('vary', 'authorization')
      .send(await statusOf(services, request.headers.authorization)),
  )
}

async function statusOf(
  services: StatusServices,
  authorization: string | undefined,
): Promise<TransmitterStatus> {
  const { context } = services
  const { access, catalogue, clock, records, repeaters, server } = context
  const live = await repeaters.live()
  const nowMs = clock.now()
  const channels: ChannelOfStatus[] = []
  for (const view of catalogue.list()) {
    if (channels.length >= limits.statusChannelsMax) break
    const isOwner = await access.isPublisher(authorization, view.record.name)
    if (isOwner || view.record.access === 'open') {
      channels.push(await channelOf(services, view, isOwner))
    }
  }
  return {
    service: 'transmitter',
    version,
    url: context.publicUrl(),
    connections: await server.connections(),
    repeaters: (await records.repeaters.list()).map(({ url, seenAtMs }) => ({
      url,
      isUp: live.has(url),
      heardSecondsAgo: seenAtMs === 0 ? null : Math.max(0, Math.floor((nowMs - seenAtMs) / 1000)),
    })),
    channels,
  }
}

async function channelOf(
  { context, room, pluginHealth }: StatusServices,
  { record, head, attributes }: ChannelView,
  isOwner: boolean,
): Promise<ChannelOfStatus> {
  const { name, state, access } = record
  const { polls, ...counts } = context.measures.of(name)
  const serving = await context.repeaters.holding(name)
  const loads = await context.records.repeaters.loads(name)
  const { pid: _pid, ...plugin } = pluginHealth(name) ?? idlePlugin
  return {
    name,
    state,
    access,
    release: head.release,
    polls,
    bytesSent:
      counts.objectBytes +
      counts.compressedBytes +
      counts.packBytes +
      counts.bundleBytes +
      counts.fileBytes,
    repeaters: [...serving].map(([url, release]) => ({
      url,
      release,
      releasesBehind: Math.max(0, head.release - release),
      tuners: loads.get(url) ?? 0,
    })),
    ...(isOwner ? { feedback: await feedbackOf(context, room, name) } : {}),
    ...(isOwner && attributes.plugin?.module !== undefined ? { plugin } : {}),
  }
}

async function feedbackOf(
  { records }: TransmitterContext,
  room: StatusServices['room'],
  name: ChannelName,
): Promise<NonNullable<ChannelOfStatus['feedback']>> {
  const counts = await records.feedback.counts(name)
  return { ...counts, bytesMax: room.bounds.bytesMax, refused: room.refused(name) }
}

/** A plug-in that was not called yet. */
const idlePlugin: PluginHealth = { state: 'idle', calls: 0, failures: 0, falls: 0, waiting: 0 }
