import type { ChannelName } from '../../protocol/index.ts'
import type { BundleService } from '../bundles/index.ts'
import type { TransmitterContext } from '../context.ts'
import { addFeedbackRoutes, FeedbackLog } from '../feedback/index.ts'
import { addPluginRoutes, type PluginHealth, Plugins, PluginStore } from '../plugins/index.ts'
import { addUpdateRoutes } from './update-routes.ts'

/** The services behind update requests; they end with the transmitter, after its server. */
export interface BackChannel {
  /** How a channel's plug-in does; undefined while none was called. */
  pluginHealth(channel: ChannelName): PluginHealth | undefined
  stop(): Promise<void>
}

/** Adds everything that answers update requests: feedback, plug-ins, overlays, export. */
export function addBackChannel(
  context: TransmitterContext,
  bundles: Pick<BundleService, 'offer'>,
): BackChannel {
  const log = new FeedbackLog(context.records)
  const store = new PluginStore(context)
  const plugins = new Plugins({ context, log, store })
  context.commitHooks.push(store)
  addUpdateRoutes(context, { log, plugins, bundles })
  addFeedbackRoutes(context)
  addPluginRoutes(context, plugins)
  return {
    pluginHealth: (channel) => plugins.health(channel),
    async stop() {
      await plugins.stop()
      await log.stop()
    },
  }
}
