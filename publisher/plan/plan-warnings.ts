import { type Manifest, parseSchedule, whyNeverRuns } from '../../protocol/index.ts'

/** What is allowed and was hardly meant, for the publisher to look at before subscribers do. */
export function planWarnings(manifest: Manifest): readonly string[] {
  return [...mainWarnings(manifest), ...scheduleWarnings(manifest)]
}

function mainWarnings({ main, kind, entries }: Manifest): readonly string[] {
  if (main === undefined) {
    return kind === 'files' ? [] : [`A channel of kind ${kind} has nothing to open without --main.`]
  }
  if (entries.some((entry) => entry.path === main)) return []
  return [`The directory has no ${JSON.stringify(main)}, which is the channel's main.`]
}

function scheduleWarnings({ schedule }: Manifest): readonly string[] {
  const why = schedule === undefined ? undefined : whyNeverRuns(parseSchedule(schedule))
  return why === undefined ? [] : [`The schedule ${why}`]
}
