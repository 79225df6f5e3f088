import type { ChannelName } from '../../protocol/index.ts'
import type { BundleService } from '../bundles/index.ts'
import type { TransmitterContext } from '../context.ts'
import { addFeedbackRoutes, FeedbackLog, FeedbackRoom } from '../feedback/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { addPluginRoutes, type PluginHealth, Plugins, PluginStore } from '../plugins/index.ts'
import { addUpdateRoutes } from './update-routes.ts'

/** The services behind update requests; they end with the transmitter, after its server. */
export interface BackChannel {
  /** How a channel's plug-in does; undefined while none was called. */
  pluginHealth(channel: ChannelName): PluginHealth | undefined
  /** How much feedback is taken, and what was refused. */
  readonly room: FeedbackRoom
  stop(): Promise<void>
}

/** Adds everything that answers update requests: feedback, plug-ins, overlays, export. */
export function addBackChannel(
  context: TransmitterContext,
  bundles: Pick<BundleService, 'offer'>,
): BackChannel {
  const { clock, fs, directory, feedbackBytesMax: channelBytesMax } = context
  const room = new FeedbackRoom({
    clock,
    channelBytesMax,
    freeBytes: async () => (await fs.statfs(directory)).freeBytes,
    freeBytesMin: limits.freeBytesMin,
  })
  const log = new FeedbackLog(context.records, room)
  const store = new PluginStore(context)
  const plugins = new Plugins({ context, log, store })
  context.commitHooks.push(store)
  addUpdateRoutes(context, { log, plugins, bundles })
  addFeedbackRoutes(context)
  addPluginRoutes(context, plugins)
  return {
    pluginHealth: (channel) => plugins.health(channel),
    room,
    async stop() {
      await plugins.stop()
      await log.stop()
    },
  }
}
