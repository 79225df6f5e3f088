import type { ChannelName } from '../../protocol/index.ts'
import type { ServerRecords } from '../../store/server-records/index.ts'
import { pluginError } from './errors.ts'
import { pluginLimits as limits } from './limits.ts'

/** What the administrator decided on a channel's plug-in. */
export interface PluginSettings {
  readonly isAllowed: boolean
  readonly settings: Readonly<Record<string, string>>
}

/** Whether a plug-in may run for the channel, and what it is told when it starts. */
export async function pluginSettings(
  records: Pick<ServerRecords, 'settings'>,
  channel: ChannelName,
): Promise<PluginSettings> {
  const isAllowed = (await records.settings.get(allowedKey(channel))) === 'allowed'
  const text = await records.settings.get(settingsKey(channel))
  return { isAllowed, settings: text === undefined ? {} : JSON.parse(text) }
}

/**
 * Allows a plug-in for a channel or forbids it; a transmitter that runs sees that with the next
 * update request. Settings that are given replace all earlier ones.
 * @throws LW_PLUGIN_SETTINGS
 */
export async function setPluginSettings(
  records: Pick<ServerRecords, 'settings'>,
  channel: ChannelName,
  wanted: { readonly isAllowed: boolean; readonly settings?: Readonly<Record<string, string>> },
): Promise<void> {
  if (wanted.settings !== undefined) {
    const text = JSON.stringify(wanted.settings)
    if (text.length > limits.settingsCharactersMax) {
      throw pluginError('LW_PLUGIN_SETTINGS')
    }
    await records.settings.set(settingsKey(channel), text)
  }
  await records.settings.set(allowedKey(channel), wanted.isAllowed ? 'allowed' : 'forbidden')
}

function allowedKey(channel: ChannelName): string {
  return `plugin:${channel}`
}

function settingsKey(channel: ChannelName): string {
  return `plugin-settings:${channel}`
}
