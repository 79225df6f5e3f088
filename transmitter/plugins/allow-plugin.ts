import type { ChannelName } from '../../protocol/index.ts'
import { openServerRecords } from '../../store/server-records/index.ts'
import { recordsUrl } from '../maintenance/index.ts'
import { pluginSettings, type PluginSettings, setPluginSettings } from './plugin-settings.ts'

/**
 * Allows a channel's plug-in to run, or forbids it, in a transmitter's data; one that runs sees it
 * with the next update request.
 * @returns what holds now
 * @throws LW_PLUGIN_SETTINGS, LW_STORE_…
 */
export async function allowPlugin(options: {
  /** `HOME/transmitter` or `--data`. */
  readonly directory: string
  readonly channel: ChannelName
  readonly isAllowed: boolean
  /** Replaces the settings that the plug-in is started with. */
  readonly settings?: Readonly<Record<string, string>>
}): Promise<PluginSettings> {
  const { directory, channel, isAllowed, settings } = options
  await using records = await openServerRecords({ url: recordsUrl(directory) })
  await setPluginSettings(records, channel, {
    isAllowed,
    ...(settings === undefined ? {} : { settings }),
  })
  return pluginSettings(records, channel)
}
