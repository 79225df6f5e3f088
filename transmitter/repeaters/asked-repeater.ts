import { type ChannelName, isDigest, zoneMinutes } from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'
import { assignRepeater } from './assign-repeater.ts'

/** What a tuner says of itself when it asks for the subscription document. */
export interface RepeaterQuery {
  /** Its standard UTC offset, such as `+05:30`. */
  readonly zone?: string
  /** Its id for this channel. */
  readonly tuner?: string
  /** The repeater that it uses now, and whether that one has just failed. */
  readonly held?: string
  readonly failed?: string
}

/**
 * The repeater for a tuner that asks for one; undefined when it does not, or there are none. Wrong
 * parts of the question count as left out: the document is for everybody.
 */
export async function askedRepeater(
  context: TransmitterContext,
  channel: ChannelName,
  query: RepeaterQuery,
): Promise<string | null | undefined> {
  if (query.zone === undefined && query.tuner === undefined) return undefined
  // A plus that was not escaped arrives as a space.
  const zone = textOf(query.zone)?.replace(/^ /, '+')
  const tuner = textOf(query.tuner)
  return assignRepeater(context, {
    channel,
    tuner: isDigest(tuner) ? tuner : undefined,
    zoneMinutes: zoneMinutes(zone),
    held: textOf(query.held),
    failed: query.failed === '1',
  })
}

/** A parameter that is given twice is a list: then none counts. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= 2048 ? value : undefined
}
