import {
  type ChannelName,
  type Digest,
  filesOf,
  fingerprint,
  subscribeLink,
  totalsOf,
} from '../../protocol/index.ts'
import type { OnlinePair, SignedBundle } from '../../trust/index.ts'
import type { ContentChanges, ReleasePlan } from '../plan/index.ts'
import type { CreatedKeys } from '../sign/index.ts'
import type { Pruned } from './prune-static.ts'
import type { StaticOptions, StaticRun } from './static-run.ts'
import type { StaticChannel } from './static-state.ts'

export interface StaticSummary {
  readonly outcome: 'published' | 'nothing-new' | 'refreshed' | 'dry-run'
  /** `out/NAME`. */
  readonly directory: string
  readonly name: ChannelName
  /** Undefined only in a dry run of a channel that does not exist yet. */
  readonly channelId: Digest | undefined
  readonly fingerprint: string | undefined
  /** Only when the public URL is known. */
  readonly link: string | undefined
  readonly release: number
  readonly label: string | undefined
  readonly manifestId: Digest
  readonly manifestBytes: number
  readonly entries: number
  /** Undefined when only the metadata were signed anew: nobody looked at the manifest. */
  readonly files: number | undefined
  readonly bytes: number
  readonly changes: ContentChanges | undefined
  readonly writtenObjects: number
  readonly writtenBytes: number
  readonly bundles: readonly SignedBundle[]
  /** What no retained release refers to any more, and was removed. */
  readonly pruned: Pruned | undefined
  /** RFC 3339: until then the channel must be refreshed. */
  readonly timestampExpires: string
  readonly keysCreated: CreatedKeys | undefined
  readonly warnings: readonly string[]
  readonly next: readonly string[]
  readonly durationMs: number
}

/** The URL of the channel once it is served, when that was said. */
export function publicUrl(
  run: StaticRun,
  options: Pick<StaticOptions, 'publicUrl'>,
): string | undefined {
  return options.publicUrl && `${options.publicUrl.replace(/\/+$/, '')}/${run.name}`
}

interface SummaryInput {
  readonly channel: StaticChannel | undefined
  readonly plan: ReleasePlan | undefined
  readonly options: Pick<StaticOptions, 'publicUrl' | 'out'> & { readonly directory?: string }
  readonly outcome: StaticSummary['outcome']
  readonly online?: OnlinePair | undefined
  readonly bundles?: readonly SignedBundle[]
  readonly written?: { readonly written: number; readonly writtenBytes: number }
  readonly pruned?: Pruned | undefined
  readonly warnings: readonly string[]
}

/** What an act on a static channel did. */
export function summaryOf(run: StaticRun, input: SummaryInput): StaticSummary {
  const { channel, plan, outcome, online } = input
  const head = channel?.files?.targets.view.head
  const fresh = outcome === 'published' || outcome === 'dry-run' ? plan : undefined
  const url = publicUrl(run, input.options)
  const totals = plan === undefined ? head : totalsOf(plan.manifest)
  const expires = online?.expires ?? channel?.files?.timestamp.view.expires ?? ''
  const channelId = channel?.channelId
  const refresh = `longwave publish ${input.options.directory ?? 'DIR'} ${run.name} --out ${input.options.out} --refresh`
  return {
    outcome,
    directory: run.site.directory,
    name: run.name,
    channelId,
    fingerprint: channelId && fingerprint(channelId),
    link: url && channelId && subscribeLink(url, channelId, channel?.root.view.version),
    release: fresh?.manifest.release ?? head?.release ?? 0,
    label: fresh === undefined ? head?.label : fresh.manifest.label,
    manifestId: fresh?.id ?? head?.sha256 ?? ('' as Digest),
    manifestBytes: fresh?.bytes.byteLength ?? head?.bytes ?? 0,
    entries: totals?.entries ?? 0,
    files: plan === undefined ? undefined : filesOf(plan.manifest).length,
    bytes: totals?.totalBytes ?? 0,
    changes: plan?.changes,
    writtenObjects: input.written?.written ?? 0,
    writtenBytes: input.written?.writtenBytes ?? 0,
    bundles: input.bundles ?? head?.bundles ?? [],
    pruned: input.pruned,
    timestampExpires: expires,
    keysCreated: channel?.created,
    warnings: input.warnings,
    next: [
      refresh,
      ...(channelId === undefined
        ? []
        : [`longwave subscribe 'longwave:${url ?? `https://HOST/${run.name}`}#${channelId}'`]),
    ],
    durationMs: run.context.clock.now() - run.startedMs,
  }
}
