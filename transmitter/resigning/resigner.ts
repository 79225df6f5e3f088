import type { ChannelRecord, ServerRecords } from '../../store/server-records/index.ts'
import { type OnlinePair, parseTimestamp, renewOnline } from '../../trust/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { OnlineKeys } from '../online-keys/index.ts'
import { onlineFiles } from '../releases/index.ts'

/** What re-signing needs. */
export interface ResigningContext {
  readonly records: ServerRecords
  readonly keys: OnlineKeys
  readonly clock: { now(): number }
}

/** What one round of re-signing did. */
export interface ResigningSummary {
  readonly renewed: readonly ChannelRecord['name'][]
  readonly failed: readonly { readonly channel: string; readonly error: unknown }[]
}

/**
 * Signs snapshot and timestamp of every channel anew that is older than a day, so that they do
 * not expire. Of several processes one wins each compare-and-set; the others see its result.
 */
export async function renewStale(context: ResigningContext): Promise<ResigningSummary> {
  const renewed: ChannelRecord['name'][] = []
  const failed: { channel: string; error: unknown }[] = []
  for (const channel of await context.records.channels.list()) {
    try {
      if (await renewChannel(context, channel)) renewed.push(channel.name)
    } catch (error) {
      failed.push({ channel: channel.name, error })
    }
  }
  return { renewed, failed }
}

/**
 * Signs a channel's snapshot and timestamp anew, when its timestamp is old enough.
 * @param steps by how many versions they rise, however old they are
 * @returns whether this call replaced them
 */
export async function renewChannel(
  context: ResigningContext,
  channel: ChannelRecord,
  steps?: number,
): Promise<boolean> {
  const { trust } = context.records
  const { name, versions } = channel
  const timestamp = await trust.find(name, 'timestamp.json')
  const snapshot = await trust.find(name, `${versions.snapshot}.snapshot.json`)
  const targets = await trust.find(name, `${versions.targets}.targets.json`)
  if (timestamp === undefined || snapshot === undefined || targets === undefined) {
    throw new Error('the records lack metadata of a channel')
  }
  const nowMs = context.clock.now()
  const issuedMs = Date.parse(parseTimestamp(timestamp.bytes).view.issued)
  // One from the future was signed by a clock that was wrong.
  if (steps === undefined && Math.abs(nowMs - issuedMs) < limits.renewAfterMs) return false
  const signer = await context.keys.key(name, 'online')
  let previous: Pick<OnlinePair, 'snapshot' | 'timestamp'> = {
    snapshot: snapshot.bytes,
    timestamp: timestamp.bytes,
  }
  let pair: OnlinePair | undefined
  for (let step = 0; step < (steps ?? 1); step++) {
    pair = renewOnline({
      channelId: channel.channelId,
      targets: targets.bytes,
      previous,
      nowMs,
      lifetimeMs: limits.onlineLifetimeMs,
      signer,
    })
    previous = pair
  }
  if (pair === undefined) return false
  const { root: _root, ...expected } = versions
  const files = onlineFiles(pair)
  const outcome = await trust.replace({ channel: name, expected, files, atMs: nowMs })
  return outcome.outcome === 'replaced'
}
