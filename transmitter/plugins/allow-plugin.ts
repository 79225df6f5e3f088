import type { ChannelName } from '../../protocol/index.ts'
import { openStore, type StoreOptions } from '../maintenance/index.ts'
import { pluginSettings, type PluginSettings, setPluginSettings } from './plugin-settings.ts'

/**
 * Allows a channel's plug-in to run, or forbids it, in a transmitter's data; one that runs sees it
 * with the next update request.
 * @returns what holds now
 * @throws LW_PLUGIN_SETTINGS, LW_TRANSMIT_NO_DATA
 */
export async function allowPlugin(
  options: StoreOptions & {
    readonly channel: ChannelName
    readonly isAllowed: boolean
    /** Replaces the settings that the plug-in is started with. */
    readonly settings?: Readonly<Record<string, string>>
  },
): Promise<PluginSettings> {
  const { channel, isAllowed, settings } = options
  await using store = await openStore(options)
  await setPluginSettings(store.records, channel, {
    isAllowed,
    ...(settings === undefined ? {} : { settings }),
  })
  return await pluginSettings(store.records, channel)
}
