import { parseChannelName } from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { pluginSettings } from './plugin-settings.ts'
import type { Plugins } from './plugins.ts'

/**
 * `GET /-/admin/plugins/NAME` behind a publish token of the channel: how its plug-in does, and how
 * much feedback came and is still owed to it.
 */
export function addPluginRoutes(context: TransmitterContext, plugins: Plugins): void {
  context.server.app.get<{ readonly Params: { readonly name: string } }>(
    '/-/admin/plugins/:name',
    async (request, reply) => {
      const name = parseChannelName(request.params.name)
      await context.access.requirePublisher(request.headers.authorization, name)
      const view = context.catalogue.find(name)
      if (view === undefined) throw transmitterError('LW_TRANSMIT_NO_CHANNEL')
      const { isAllowed } = await pluginSettings(context.records, name)
      await plugins.marked()
      const counts = await context.records.feedback.counts(name)
      return reply.header('cache-control', 'private, no-store').send({
        channel: name,
        module: view.attributes.plugin?.module ?? null,
        paths: view.attributes.plugin?.paths ?? [],
        isAllowed,
        feedback: counts,
        health: plugins.health(name) ?? { state: 'idle' },
      })
    },
  )
}
