import type { FetchProgress } from '../mirroring/index.ts'
import { parseSchedule, whyNeverRuns } from '../protocol/index.ts'
import {
  openTuner as openHomeTuner,
  passedOverText,
  type Subscription,
  type SubscriptionView,
  type TunerOperations,
  type UpdateResult,
} from '../tuner/index.ts'
import { bytesPerSecond } from './options/index.ts'
import {
  changesText,
  countText,
  durationText,
  numberText,
  type Progress,
  shareText,
  sizeText,
} from './output/index.ts'
import type { Session } from './session.ts'

/** The option of commands that fetch. */
export const bandwidthOption = [
  '--bandwidth <rate>',
  'bytes per second of all transfers together, such as 500K',
] as const

/** What commands that fetch let their user say. */
export interface BandwidthFlags {
  readonly bandwidth?: string
}

/**
 * This home's tuner for one command: the one that runs, through its local socket, or one of the
 * command's own. @throws LW_STORE_LOCKED when another process has the home and does not answer;
 *   LW_CLI_USAGE for a bandwidth that is none
 */
export async function openTuner(
  session: Session,
  flags: BandwidthFlags = {},
): Promise<TunerOperations> {
  const { bandwidth } = flags
  const rate = bandwidth === undefined ? undefined : bytesPerSecond('--bandwidth', bandwidth)
  let isOwn = false
  const tuner = await openHomeTuner({
    home: session.home,
    transport() {
      isOwn = true
      return session.transport(rate)
    },
  })
  session.onEnd(() => tuner.stop())
  if (rate !== undefined && !isOwn) {
    session.output.note('The tuner that runs does the work: the --bandwidth of its start counts.')
  }
  return tuner
}

/**
 * The subscriptions that a command is for: what a word names, all of them without one. That there
 * are none is said, since a command that prints nothing looks as if it were broken.
 * @throws LW_TUNER_NO_CHANNEL when a word names none
 */
export async function selectSubscriptions(
  session: Session,
  tuner: TunerOperations,
  word: string | undefined,
): Promise<readonly Subscription[]> {
  const chosen = await tuner.select(word)
  if (chosen.length === 0) {
    session.output.print('Nothing is subscribed. Start with: longwave subscribe CHANNEL_URL')
  }
  return chosen
}

/** What whoever set a schedule should know of it; undefined when it counts and comes to a run. */
export function scheduleWarning(schedule: SubscriptionView['schedule']): string | undefined {
  return passedOverText(schedule) ?? whyNeverRuns(parseSchedule(schedule.text))
}

/** Who decided a schedule, for people. */
export function deciderText(by: 'default' | 'developer' | 'user' | 'administrator'): string {
  return by === 'default' ? 'the default' : `by the ${by}`
}

export function showFetch(progress: Progress): (event: FetchProgress) => void {
  return (event) => progress.update(event.stage, event.doneBytes, event.totalBytes)
}

/** The members of an update's result for scripts. */
export function updateObject(result: UpdateResult) {
  const { subscription, route, considered, localChanges, healed, ...rest } = result
  return {
    type: result.outcome,
    channel: subscription.name,
    url: subscription.url,
    ...rest,
    ...(route === undefined ? {} : { route: route.kind, routeBytes: route.bytes }),
    ...(considered === undefined
      ? {}
      : {
          considered: considered.map((one) => ({
            route: one.kind,
            steps: one.kind === 'bundle' ? one.steps.length : 0,
            bytes: one.bytes,
          })),
        }),
    ...(localChanges === undefined ? {} : { localChanges }),
    ...(healed === undefined ? {} : { healed }),
  }
}

/** Tells people what an update did, and what it could not do besides. */
export function printUpdate({ output }: Pick<Session, 'output'>, result: UpdateResult): void {
  for (const line of updateLines(result)) output.print(line)
  for (const warning of result.warnings) {
    output.note(`Warning: ${result.subscription.name}: ${warning}`)
  }
}

/** What an update did, for people. */
export function updateLines(result: UpdateResult): readonly string[] {
  const { subscription, from, to } = result
  const name = subscription.name
  const label = result.label === undefined ? '' : ` (${result.label})`
  switch (result.outcome) {
    case 'unchanged':
      return [`${name}: release ${to}${label} is the newest.`]
    case 'available':
      return [
        `${name}: release ${to}${label} is out, ${from === 0 ? 'nothing' : `release ${from}`} lies here.`,
      ]
    case 'held':
      return [`${name}: held at release ${from} by undo; longwave update ${name} lifts it.`]
    case 'paused':
      return [`${name}: paused at release ${from}.`]
    case 'deferred':
      return [
        `${name}: release ${to}${label} lies ready; the running channel keeps ${from} until it installs it or quits.`,
      ]
    case 'waiting':
      return [
        `${name}: release ${from} until ${result.turnAt}, its turn in the rollout; longwave update ${name} does not wait.`,
      ]
    case 'ended':
      return [`${name}: ended by its publisher; release ${to} stays here.`]
    case 'healed':
      return [`${name}: mended ${countText(healedCount(result), 'file')} of release ${to}.`]
    case 'updated':
      return updatedLines(result, `${name}: release ${from} → ${to}${label}`)
  }
}

function healedCount(result: UpdateResult): number {
  return (result.healed?.length ?? 0) + (result.localChanges?.length ?? 0)
}

function updatedLines(result: UpdateResult, head: string): readonly string[] {
  const { changes, bytes, considered, route } = result
  const lines = [head]
  if (changes !== undefined) {
    lines.push(`  Files      ${changesText(changes)}, ${numberText(changes.unchanged)} unchanged`)
  }
  lines.push(`  Received   ${receivedText(result)}`)
  if (route !== undefined && considered !== undefined) {
    const others = considered
      .filter((one) => one !== route)
      .map((one) => `${routeName(one)} ${sizeText(one.bytes)}`)
    const instead = others.length === 0 ? '' : `; instead of ${others.join(', ')}`
    const fetched = bytes.manifest + bytes.bundle + bytes.objects
    lines.push(
      fetched === 0
        ? '  Route      nothing to fetch: every file was here already'
        : `  Route      ${routeName(route)} ${sizeText(fetched)}${instead}`,
    )
  }
  for (const change of (result.localChanges ?? []).slice(0, 20)) {
    lines.push(
      change.what === 'special'
        ? `  Local      ${change.path}, a socket, pipe or device, went aside; undo does not bring it back`
        : `  Local      ${change.what} ${change.path} (saved for undo)`,
    )
  }
  if (result.trustOnFirstUse && result.from === 0) {
    lines.push(
      `  Trust      on first use: the fingerprint came from the channel's own host; compare ${result.subscription.channel.slice(0, 16)}…`,
    )
  }
  return lines
}

/** All bytes that came in, as a share of what the files cost one by one. */
function receivedText({ bytes, considered, durationMs }: UpdateResult): string {
  const total = bytes.metadata + bytes.manifest + bytes.bundle + bytes.objects
  if (total === 0) return `nothing: the release was still here, ${durationText(durationMs)}`
  const whole = considered?.find((one) => one.kind === 'whole')?.bytes
  const share =
    whole === undefined || whole <= total ? '' : `, ${shareText(total, whole)} of whole files`
  return `${sizeText(total)}${share}, ${durationText(durationMs)} (metadata ${sizeText(bytes.metadata)})`
}

function routeName(route: NonNullable<UpdateResult['route']>): string {
  if (route.kind === 'whole') return 'whole files'
  return route.steps.length === 1 ? 'bundle' : `chain of ${route.steps.length} bundles`
}
