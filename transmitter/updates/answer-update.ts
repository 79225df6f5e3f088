import {
  type ChannelName,
  type Manifest,
  type UpdateAnswer,
  type UpdateRequest,
  isLongwaveError,
  updateError,
} from '../../protocol/index.ts'
import { signTicket } from '../../trust/index.ts'
import type { TransmitterContext } from '../context.ts'
import type { BundleService } from '../bundles/index.ts'
import type { FeedbackLog, LogOutcome } from '../feedback/index.ts'
import type { OwedEntry, PluginOutcome, Plugins } from '../plugins/index.ts'
import { assignRepeater } from '../repeaters/index.ts'
import type { ChannelHead, ChannelHeads } from './channel-heads.ts'
import { updateRequestLimits as limits } from './limits.ts'
import { entriesOf, type SignedRequest } from './read-request.ts'

/** What answering takes besides the transmitter's context. */
export interface UpdateServices {
  readonly context: TransmitterContext
  readonly log: FeedbackLog
  readonly plugins: Plugins
  readonly heads: ChannelHeads
  readonly bundles: Pick<BundleService, 'offer'>
}

export interface AskedUpdate {
  readonly request: SignedRequest
  readonly head: ChannelHead
  /** The head's manifest without its entries. */
  readonly attributes: Omit<Manifest, 'entries'>
}

/** How long a ticket opens a closed channel and the files of an overlay. */
const ticketSeconds = 3600

/**
 * Answers an update request: first its feedback goes into the log, then the plug-in is asked, then
 * the answer is put together. Undefined when there is nothing to say (204).
 * @throws LW_FEEDBACK_GAP, LW_FEEDBACK_CLONED, LW_FEEDBACK_FULL, LW_UPDATE_BUSY
 */
export async function answerUpdate(
  services: UpdateServices,
  asked: AskedUpdate,
): Promise<UpdateAnswer | undefined> {
  const { body } = asked.request
  const { acknowledged, owed } = await storeFeedback(services, asked)
  const plugin = await services.plugins.update({
    channel: asked.head.record,
    release: asked.head.release,
    attributes: asked.attributes,
    request: body,
    tuner: asked.request.tuner,
    owed,
  })
  const { head } = asked
  const holdsHead =
    body.manifest === head.release.manifestDigest &&
    body.rootVersion === head.record.versions.root &&
    body.metadata?.timestamp === head.record.versions.timestamp
  const needsTicket = head.record.access === 'closed' || plugin.overlay != null
  const hasNews = plugin.reply !== undefined || plugin.overlay !== undefined || needsTicket
  if (acknowledged === undefined && holdsHead && !hasNews) return undefined
  return {
    request: body.request,
    ...(acknowledged === undefined ? {} : { acknowledged }),
    trust: await metadataFor(services.heads, head, body),
    head: { release: head.release.release, manifest: head.release.manifestDigest },
    ...(await offerFor(services, asked)),
    ...ofPlugin(plugin),
    ...(await repeaterFor(services.context, asked)),
    ...(needsTicket ? { ticket: await ticketFor(services.context, asked) } : {}),
  }
}

interface StoredFeedback {
  readonly acknowledged: UpdateAnswer['acknowledged']
  /** All that the plug-in is owed of this tuner, where that is known without asking. */
  readonly owed: readonly OwedEntry[] | undefined
}

const none: StoredFeedback = { acknowledged: undefined, owed: undefined }

async function storeFeedback(
  services: UpdateServices,
  asked: AskedUpdate,
): Promise<StoredFeedback> {
  const { body, tuner } = asked.request
  const nowMs = services.context.clock.now()
  const entries = entriesOf(body, { nowMs, clockSkewMs: limits.clockSkewMs })
  if (body.feedback === undefined || entries.length === 0) return none
  const { epoch } = body.feedback
  const outcome = await services.log.append({
    channel: asked.head.record.name,
    tuner,
    epoch,
    entries,
    isForPlugin: asked.attributes.plugin?.module !== undefined,
    atMs: nowMs,
  })
  if (outcome.outcome !== 'stored') throw refusal(outcome, epoch)
  const isAll = outcome.isFirstOwed === true
  return {
    acknowledged: { epoch, sequence: outcome.sequence },
    owed: isAll
      ? entries.map((entry) => ({ ...entry, tuner, epoch, receivedAtMs: nowMs }))
      : undefined,
  }
}

/** What is in the log all the same is acknowledged with the refusal. */
function refusal(outcome: Exclude<LogOutcome, { outcome: 'stored' }>, epoch: string): Error {
  const members = { epoch, sequence: outcome.sequence }
  if (outcome.outcome === 'gap') {
    return updateError('LW_FEEDBACK_GAP', {
      detail: `The log ends at entry ${outcome.sequence}.`,
      members,
    })
  }
  return updateError('LW_FEEDBACK_CLONED', { members })
}

async function metadataFor(
  heads: ChannelHeads,
  head: ChannelHead,
  body: UpdateRequest,
): Promise<Record<string, string>> {
  const { versions } = head.record
  const files = await heads.roots(head.record, body.rootVersion)
  const held = body.metadata
  if (held?.timestamp !== versions.timestamp) files['timestamp.json'] = head.timestamp
  if (held?.snapshot !== versions.snapshot) {
    files[`${versions.snapshot}.snapshot.json`] = head.snapshot
  }
  if (held?.targets !== versions.targets) files[`${versions.targets}.targets.json`] = head.targets
  return files
}

/** The routes from the tuner's release to the head; it asks for those that are being made. */
async function offerFor(
  services: UpdateServices,
  asked: AskedUpdate,
): Promise<Pick<UpdateAnswer, 'offer'>> {
  const { release } = asked.request.body
  const { head } = asked
  if (release >= head.release.release) return {}
  try {
    const offer = await services.bundles.offer(head.record.name, release, head.release.release)
    return offer.state === 'making' ? {} : { offer: offer.document }
  } catch (error) {
    // A release that is not retained, or a head that has changed just now.
    if (isLongwaveError(error, 'LW_TRANSMIT_NO_RELEASE')) return {}
    throw error
  }
}

async function repeaterFor(
  context: TransmitterContext,
  asked: AskedUpdate,
): Promise<Pick<UpdateAnswer, 'repeater'>> {
  const { body, tuner } = asked.request
  const repeater = await assignRepeater(context, {
    channel: asked.head.record.name,
    tuner,
    zoneMinutes: body.zoneMinutes,
    held: body.repeater?.url,
    failed: body.repeater?.failed === true,
  })
  return repeater === undefined ? {} : { repeater }
}

function ofPlugin(plugin: PluginOutcome): Pick<UpdateAnswer, 'reply' | 'overlay'> {
  return {
    ...(plugin.reply === undefined ? {} : { reply: plugin.reply }),
    ...(plugin.overlay === undefined ? {} : { overlay: plugin.overlay }),
  }
}

async function ticketFor(context: TransmitterContext, asked: AskedUpdate): Promise<string> {
  const { record } = asked.head
  const key = await context.keys.key(record.name as ChannelName, 'ticket')
  return signTicket(
    {
      channelId: record.channelId,
      tunerId: asked.request.tuner,
      expires: Math.floor(context.clock.now() / 1000) + ticketSeconds,
    },
    key,
  )
}
