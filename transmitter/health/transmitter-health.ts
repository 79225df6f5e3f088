import { version } from '../../protocol/index.ts'
import { addHealth, type HealthCheckResult } from '../../serving/index.ts'
import { parseTimestamp } from '../../trust/index.ts'
import type { TransmitterContext } from '../context.ts'
import type { FeedbackRoom } from '../feedback/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** `GET /-/health`: records answer, the disk has room, no channel is about to go stale. */
export function addTransmitterHealth(
  context: TransmitterContext,
  room: Pick<FeedbackRoom, 'fullChannels'>,
): void {
  addHealth(context.server, {
    service: 'transmitter',
    version,
    checks: {
      records: () => checkRecords(context),
      store: () => checkStore(context),
      timestamps: () => checkTimestamps(context),
      feedback: () => checkFeedback(room),
    },
  })
}

async function checkRecords({ records }: TransmitterContext): Promise<HealthCheckResult> {
  const channels = await records.channels.list()
  return { ok: true, detail: `${channels.length} channels.` }
}

async function checkStore({ fs, directory }: TransmitterContext): Promise<HealthCheckResult> {
  const { freeBytes } = await fs.statfs(directory)
  const ok = freeBytes >= limits.freeBytesMin
  return { ok, detail: `${Math.floor(freeBytes / 1024 ** 2)} MiB are free.` }
}

/** A log that is full is told and no illness: whoever fills one must not end the service. */
function checkFeedback({ fullChannels }: Pick<FeedbackRoom, 'fullChannels'>): HealthCheckResult {
  if (fullChannels === 0) return { ok: true }
  return { ok: true, detail: `${fullChannels} feedback logs are full and take no more.` }
}

async function checkTimestamps({
  catalogue,
  clock,
}: TransmitterContext): Promise<HealthCheckResult> {
  const endMs = clock.now() + limits.timestampLowMs
  const low = catalogue.list().filter(({ timestamp }) => {
    const { expires } = parseTimestamp(timestamp.document.bytes).view
    return Date.parse(String(expires)) < endMs
  })
  if (low.length === 0) return { ok: true }
  return { ok: false, detail: `${low.length} channels go stale soon: signing them failed.` }
}
