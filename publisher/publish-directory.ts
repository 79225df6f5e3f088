import path from 'node:path'
import {
  type ChannelAddress,
  type CommitRequest,
  digestOf,
  isLongwaveError,
  parseChannelAddress,
  type RepeaterMember,
} from '../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  readFileIfPresent,
  writeFileDurably,
} from '../store/durable-files/index.ts'
import { encodeSpki, lifetimesMs, publicKeyFromHex } from '../trust/index.ts'
import { changeKeys } from './keys/index.ts'
import { publisherLimits } from './limits.ts'
import {
  type AttributeChanges,
  nextAttributes,
  planRelease,
  planWarnings,
  refuseAttributes,
  rolloutFromNow,
} from './plan/index.ts'
import type { ActOptions, Draft, DraftBase } from './publish-act.ts'
import { runPublish } from './publish-run.ts'
import type { PublishSummary } from './publish-summary.ts'
import { resolveBase, type ScanResult, scanDirectory, type StatCacheStore } from './scan/index.ts'
import type { PublisherContext } from './sign/index.ts'

/** What `publish` takes. */
export interface PublishOptions extends Omit<ActOptions, 'address'> {
  /** The base directory. */
  readonly directory: string
  /** The channel's URL or link. */
  readonly channel: string | ChannelAddress
  readonly label?: string | undefined
  readonly attributes?: AttributeChanges
  /** Rules in `.gitignore` syntax. */
  readonly ignore?: readonly string[]
  readonly portable?: boolean
  /** A release even when nothing is new. */
  readonly force?: boolean
  readonly dryRun?: boolean
  /** Seconds over which tuners are let in, from now on. */
  readonly rolloutSeconds?: number | undefined
  /** The lowest release that undo may reach. */
  readonly minimum?: number | undefined
  /** Reads every file, whatever the stat cache says. */
  readonly rereadAll?: boolean
  /** Self-contained ES module of the plug-in; null removes it. */
  readonly plugin?: string | null | undefined
  /** Signs the manifest with a certificate: detached CMS, DER in Base64. */
  readonly certify?: ((manifest: Uint8Array) => Promise<string>) | undefined
}

/** Publishes a directory at a live transmitter. */
export async function publishDirectory(
  context: PublisherContext,
  options: PublishOptions,
): Promise<PublishSummary> {
  const address =
    typeof options.channel === 'string' ? parseChannelAddress(options.channel) : options.channel
  // What can be refused without the transmitter is refused before it is asked.
  resolveBase(options.directory)
  refuseAttributes(options.attributes)
  let scanned: ScanResult | undefined
  let isDue = false
  const summary = await runPublish(context, {
    ...options,
    address,
    draft: async (base) => {
      scanned ??= await scan(context, options)
      isDue = endsSoon(base, context.clock.now())
      return draftRelease({ context, options, base, scanned })
    },
  })
  if (summary.outcome !== 'nothing-new' || !isDue || options.dryRun === true) return summary
  return { ...summary, warnings: [...summary.warnings, await renew(context, options, address)] }
}

/** Whether the publisher's signature on the newest release ends soon, or has ended. */
function endsSoon({ open }: DraftBase, nowMs: number): boolean {
  return open.targets !== undefined && open.targets.view.expiresMs - nowMs < lifetimesMs.warning
}

/** Without news there is no release to sign; the one that is out is signed anew. */
async function renew(
  context: PublisherContext,
  { token, signal }: PublishOptions,
  address: ChannelAddress,
): Promise<string> {
  try {
    await changeKeys(context, { address, token, signal, change: { kind: 'renew' } })
    return 'The signature on the newest release was about to end, or had ended: it was signed anew.'
  } catch (error) {
    if (!isLongwaveError(error)) throw error
    return `The signature on the newest release ends soon and could not be renewed: ${error.message}`
  }
}

/** Scans with the publisher's cache, telling progress and keeping the home out. */
export async function scan(
  context: PublisherContext,
  options: Pick<
    PublishOptions,
    'directory' | 'ignore' | 'portable' | 'signal' | 'onProgress' | 'rereadAll'
  > & { readonly keepOut?: readonly string[] },
): Promise<ScanResult> {
  return scanDirectory({
    directory: options.directory,
    ignore: options.ignore ?? [],
    portable: options.portable ?? false,
    keepOut: [path.resolve(context.home), ...(options.keepOut ?? [])],
    ...(options.rereadAll === true
      ? {}
      : { cache: (base: string) => scanCacheStore(context.fileSystem, context.home, base) }),
    clock: context.clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (progress) => options.onProgress?.({ phase: 'scan', ...progress }),
  })
}

/** The stat cache of a base directory below `HOME/publisher/scans`. */
function scanCacheStore(fs: FileSystem, home: string, base: string): StatCacheStore {
  const folder = path.join(home, 'publisher', 'scans')
  const file = path.join(folder, `${digestOf(base).slice(0, 32)}.scan`)
  return {
    load: () => readFileIfPresent(fs, file, { bytesMax: publisherLimits.scanCacheBytesMax }),
    async save(bytes) {
      await ensureDirectory(fs, folder, { mode: 0o700 })
      await writeFileDurably(fs, file, bytes, { mode: 0o600 })
    },
  }
}

interface DraftInput {
  readonly context: PublisherContext
  readonly options: PublishOptions
  readonly base: DraftBase
  readonly scanned: ScanResult
}

async function draftRelease({ context, options, base, scanned }: DraftInput): Promise<Draft> {
  const { open, previous, state, api } = base
  const nowMs = context.clock.now()
  const changes = { ...options.attributes, ...pluginChange(options.plugin) }
  const attributes = nextAttributes(previous?.manifest, changes, {
    ticketKey: encodeSpki(publicKeyFromHex(state.ticketKey)),
    overlayKey: encodeSpki(publicKeyFromHex(state.overlayKey)),
  })
  const plan = planRelease({
    channelId: open.channelId,
    name: api.address.name,
    previous: previous?.manifest,
    entries: scanned.entries,
    attributes,
    label: options.label,
    release: (open.head?.release ?? 0) + 1,
    nowMs,
  })
  const { rolloutSeconds, minimum, plugin } = options
  const wanted = options.force === true || plugin !== undefined || open.newRoots.length > 0
  const nothingNew = plan.nothingNew && !wanted && minimum === undefined
  const cms =
    nothingNew || options.dryRun === true ? undefined : await options.certify?.(plan.bytes)
  const commit: Pick<CommitRequest, 'cms' | 'plugin'> = {
    ...(cms === undefined ? {} : { cms }),
    ...(plugin === undefined ? {} : { plugin }),
  }
  return {
    plan,
    source: scanned.source,
    target: {
      ...(rolloutSeconds === undefined ? {} : { rollout: rolloutFromNow(nowMs, rolloutSeconds) }),
      ...(minimum === undefined ? {} : { minimum }),
    },
    commit,
    warnings: [...scanned.warnings, ...planWarnings(plan.manifest)],
    stop: nothingNew ? 'nothing-new' : options.dryRun === true ? 'dry-run' : undefined,
  }
}

/** The release names its plug-in by digest: what the transmitter runs is what was signed. */
function pluginChange(plugin: PublishOptions['plugin']): Pick<AttributeChanges, 'pluginModule'> {
  if (plugin === undefined) return {}
  return { pluginModule: plugin === null ? 'none' : digestOf(plugin) }
}

/** `URL` or `URL=+01:00`, as the command line writes a repeater. @throws LW_PUBLISH_ATTRIBUTE later */
export function parseRepeater(text: string): RepeaterMember {
  const match = /^(.*)=([+-]\d\d:\d\d)$/.exec(text)
  return match === null ? { url: text } : { url: match[1] ?? '', zone: match[2] ?? '' }
}
