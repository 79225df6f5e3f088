import type { AssignmentPolicy } from '../../protocol/index.ts'

/** A repeater that a channel lists. */
export interface AssignmentMember {
  readonly url: string
  /** Minutes east of UTC, standard time; undefined when none was given. */
  readonly zoneMinutes: number | undefined
  /** Tuners that were sent there. */
  readonly load: number
  /** Whether it is up and has the head. */
  readonly isUsable: boolean
}

export interface AssignmentCase {
  readonly policy: AssignmentPolicy
  /** In the publisher's order. */
  readonly members: readonly AssignmentMember[]
  /** The tuner's standard UTC offset in minutes; undefined when it did not tell. */
  readonly zoneMinutes: number | undefined
  /** Where the tuner was sent before. */
  readonly before: string | null | undefined
  /** What has just failed for this tuner. */
  readonly failed: string | undefined
}

/**
 * Chooses a tuner's repeater; null is the origin itself. Who has one keeps it while it is usable.
 * Others go where fewest are (round-robin keeps loads within one of even), by time zone to the
 * nearest one, and among equally near ones where fewest are; the publisher's order decides the rest.
 */
export function chooseRepeater(question: AssignmentCase): string | null {
  const usable = question.members.filter(
    (member) => member.isUsable && member.url !== question.failed,
  )
  if (usable.some((member) => member.url === question.before)) return question.before ?? null
  let best: { readonly member: AssignmentMember; readonly distance: number } | undefined
  for (const member of usable) {
    const distance = distanceTo(question, member)
    const isBetter =
      best === undefined ||
      distance < best.distance ||
      (distance === best.distance && member.load < best.member.load)
    if (isBetter) best = { member, distance }
  }
  return best?.member.url ?? null
}

const dayMinutes = 24 * 60

/**
 * Minutes between two standard UTC offsets around the globe: +13:00 and -11:00 are the same hour on
 * different days, so they are next door.
 */
export function zoneDistance(a: number, b: number): number {
  const apart = Math.abs(a - b) % dayMinutes
  return Math.min(apart, dayMinutes - apart)
}

/** A repeater without a zone is nobody's nearest, but better than none. */
function distanceTo({ policy, zoneMinutes }: AssignmentCase, member: AssignmentMember): number {
  if (policy === 'round-robin' || zoneMinutes === undefined) return 0
  if (member.zoneMinutes === undefined) return dayMinutes
  return zoneDistance(zoneMinutes, member.zoneMinutes)
}
