import type { ChannelRecord } from '../../store/server-records/index.ts'
import { parseTimestamp, renewOnline } from '../../trust/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { onlineFiles } from '../releases/index.ts'

/** What one round of re-signing did. */
export interface ResigningSummary {
  readonly renewed: number
  readonly failed: readonly { readonly channel: string; readonly error: unknown }[]
}

/**
 * Signs snapshot and timestamp of every channel anew that is older than a day, so that they do
 * not expire. Of several processes one wins each compare-and-set; the others see its result.
 */
export async function renewStale(context: TransmitterContext): Promise<ResigningSummary> {
  let renewed = 0
  const failed: { channel: string; error: unknown }[] = []
  for (const channel of await context.records.channels.list()) {
    try {
      if (await renewChannel(context, channel)) renewed++
    } catch (error) {
      failed.push({ channel: channel.name, error })
    }
  }
  return { renewed, failed }
}

async function renewChannel(
  context: TransmitterContext,
  channel: ChannelRecord,
): Promise<boolean> {
  const { trust } = context.records
  const { name, versions } = channel
  const timestamp = await trust.find(name, 'timestamp.json')
  const snapshot = await trust.find(name, `${versions.snapshot}.snapshot.json`)
  const targets = await trust.find(name, `${versions.targets}.targets.json`)
  if (timestamp === undefined || snapshot === undefined || targets === undefined) return false
  const nowMs = context.clock.now()
  const issuedMs = Date.parse(parseTimestamp(timestamp.bytes).view.issued)
  if (nowMs - issuedMs < limits.renewAfterMs) return false
  const pair = renewOnline({
    channelId: channel.channelId,
    targets: targets.bytes,
    previous: { snapshot: snapshot.bytes, timestamp: timestamp.bytes },
    nowMs,
    lifetimeMs: limits.onlineLifetimeMs,
    signer: await context.keys.key(name, 'online'),
  })
  const outcome = await trust.replace({
    channel: name,
    expected: {
      timestamp: versions.timestamp,
      snapshot: versions.snapshot,
      targets: versions.targets,
    },
    files: onlineFiles(pair),
    atMs: nowMs,
  })
  await context.catalogue.reload(name)
  return outcome.outcome === 'replaced'
}
