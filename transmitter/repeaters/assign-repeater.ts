import {
  type ChannelName,
  type Digest,
  repeaterBase,
  zoneMinutes as minutesOfZone,
} from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'
import { type AssignmentMember, chooseRepeater } from './assignment.ts'
import { repeaterOriginLimits as limits } from './limits.ts'

export interface AssignmentRequest {
  readonly channel: ChannelName
  /** Undefined when the tuner did not say who it is: then nothing is noted. */
  readonly tuner: Digest | undefined
  /** The tuner's standard UTC offset in minutes. */
  readonly zoneMinutes: number | undefined
  /** The repeater that the tuner uses now. */
  readonly held?: string | undefined
  /** Whether that one has just failed for it. */
  readonly failed?: boolean
}

/**
 * Which repeater a tuner is to use from now on, in the spelling of the manifest; null is the origin
 * itself, undefined that the channel lists no repeaters. Who has a sound one keeps it; a row is
 * written only for a new decision. Those that are down or lag behind the head are left out.
 */
export async function assignRepeater(
  context: TransmitterContext,
  request: AssignmentRequest,
): Promise<string | null | undefined> {
  const view = context.catalogue.find(request.channel)
  const repeaters = view?.attributes.repeaters
  if (view === undefined || repeaters === undefined || repeaters.members.length === 0) {
    return undefined
  }
  const { records } = context
  const serving = await context.repeaters.holding(request.channel)
  const { release } = view.head
  const members = repeaters.members.map(({ url, zone }): Omit<AssignmentMember, 'load'> => {
    const base = repeaterBase(url) ?? url
    const isUsable = serving.get(base) === release
    return { url: base, zoneMinutes: minutesOfZone(zone), isUsable }
  })
  const held = request.held === undefined ? undefined : repeaterBase(request.held)
  const failed = request.failed === true ? held : undefined
  const decide = (before: string | null | undefined, loads: ReadonlyMap<string, number>) =>
    chooseRepeater({
      policy: repeaters.assignment,
      members: members.map((member) => ({ ...member, load: loads.get(member.url) ?? 0 })),
      zoneMinutes: request.zoneMinutes,
      // What the tuner remembers counts where nothing is noted here.
      before: before ?? held,
      failed,
    })
  const { tuner, channel } = request
  if (tuner === undefined) return decide(held, await records.repeaters.loads(channel))
  const before = await records.repeaters.assignment(channel, tuner)
  const isKept = members.some(({ url, isUsable }) => isUsable && url === before && url !== failed)
  if (isKept) return before
  return records.repeaters.assign({
    channel,
    tuner,
    atMs: context.clock.now(),
    tunersMax: limits.assignedTunersMax,
    choose: (state) => decide(state.before, state.loads),
  })
}
