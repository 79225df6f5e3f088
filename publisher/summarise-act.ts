import {
  type Digest,
  filesOf,
  fingerprint,
  type PublishState,
  subscribeLink,
} from '../protocol/index.ts'
import type { ReleasePlan } from './plan/index.ts'
import type { Committed, Draft, Run } from './publish-act.ts'
import type { PublishSummary } from './publish-summary.ts'
import type { OpenChannel } from './sign/index.ts'

function commonOf(run: Run, open: OpenChannel, plan: ReleasePlan) {
  const { manifest } = plan
  const { url, name } = run.api.address
  const files = filesOf(manifest)
  const channelId = open.isDraft ? undefined : open.channelId
  return {
    url,
    name,
    channelId,
    fingerprint: channelId && fingerprint(channelId),
    link:
      channelId === undefined
        ? `longwave:${url}`
        : subscribeLink(url, channelId, open.root.view.version),
    release: manifest.release,
    label: manifest.label,
    manifestId: plan.id,
    manifestBytes: plan.bytes.byteLength,
    entries: manifest.entries.length,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    changes: plan.changes,
    durationMs: run.context.clock.now() - run.startedMs,
  }
}

/** What a publish did. */
export function summaryOf(run: Run, committed: Committed): PublishSummary {
  const { open, plan, draft, uploaded, result, state } = committed
  const { totals } = uploaded
  const common = commonOf(run, open, plan)
  return {
    ...common,
    outcome: 'published',
    reusedObjects: uploaded.reusedObjects,
    reusedBytes: uploaded.reusedBytes,
    sentObjects: totals.objects,
    sentBytes: totals.sentBytes,
    deltas: totals.deltas,
    deltaObjectBytes: totals.deltaObjectBytes,
    keysCreated: open.created,
    onlineKey: open.replaces === 0 ? state.onlineKey : undefined,
    routes: committed.routes,
    repeaters: result.repeaters,
    warnings: [...draft.warnings, ...open.warnings, ...run.warnings, ...result.warnings],
    next: nextCommands(common, open),
  }
}

function nextCommands(
  { url, link, name }: Pick<PublishSummary, 'url' | 'link' | 'name'>,
  open: OpenChannel,
): string[] {
  const before = open.head?.release
  return [
    before === undefined ? `longwave subscribe '${link}'` : `longwave revert ${url} ${before}`,
    ...(open.created === undefined
      ? []
      : [
          `longwave key export ${url} ${name}-recovery.bundle --role root  # the recovery key belongs off-line`,
        ]),
  ]
}

interface Unsent {
  readonly open: OpenChannel
  readonly draft: Draft
  readonly state: PublishState
}

/** The same figures without having sent anything: from the last release and the scan. */
export function summaryWithout(run: Run, { open, draft, state }: Unsent): PublishSummary {
  const { plan } = draft
  const common = commonOf(run, open, plan)
  const nothingNew = draft.stop === 'nothing-new'
  const objects = new Map(filesOf(plan.manifest).map((file) => [file.sha256 as Digest, file.size]))
  const bytes = [...objects.values()].reduce((sum, size) => sum + size, 0)
  const { newObjects, newObjectBytes } = plan.changes
  return {
    ...common,
    ...(nothingNew && open.head !== undefined
      ? {
          release: open.head.release,
          label: open.head.label,
          manifestId: open.head.sha256,
          manifestBytes: open.head.bytes,
        }
      : {}),
    outcome: draft.stop === 'dry-run' ? 'dry-run' : 'nothing-new',
    reusedObjects: objects.size - newObjects,
    reusedBytes: bytes - newObjectBytes,
    sentObjects: nothingNew ? 0 : newObjects,
    sentBytes: nothingNew ? 0 : newObjectBytes,
    deltas: 0,
    deltaObjectBytes: 0,
    keysCreated: undefined,
    onlineKey: open.replaces === 0 ? state.onlineKey : undefined,
    routes: undefined,
    repeaters: [],
    warnings: [...draft.warnings, ...open.warnings, ...run.warnings],
    next: nothingNew ? ['longwave publish … --force  # a release all the same'] : [],
  }
}
