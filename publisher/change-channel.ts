import type { ChannelAddress, Manifest } from '../protocol/index.ts'
import { timeText } from '../trust/index.ts'
import { publishError } from './errors.ts'
import { compareEntries, planOf } from './plan/index.ts'
import type { ActOptions, DraftBase } from './publish-act.ts'
import { runPublish } from './publish-run.ts'
import type { PublishSummary } from './publish-summary.ts'
import {
  findRelease,
  type LoadedManifest,
  loadManifest,
  type PublisherContext,
} from './sign/index.ts'
import { channelFolder } from './sign/index.ts'

/**
 * Makes an older release the newest: a new release with its contents, main and kind. Everything
 * else (access, repeaters, schedule) stays as it is today.
 * @throws LW_PUBLISH_NO_RELEASE, LW_PUBLISH_RELEASE_UNVERIFIED
 */
export async function revertChannel(
  context: PublisherContext,
  options: ActOptions & { readonly release: number },
): Promise<PublishSummary> {
  return runPublish(context, {
    ...options,
    mustExist: true,
    draft: async (base) => {
      const head = requireHead(base, options.address)
      const old = await loadRelease(context, base, options.release)
      const { kind, main, label, entries } = old.manifest
      const { main: _main, label: _label, ...today } = head.manifest
      const manifest: Manifest = {
        ...today,
        kind,
        ...(main === undefined ? {} : { main }),
        ...(label === undefined ? {} : { label }),
        release: head.manifest.release + 1,
        published: timeText(context.clock.now()),
        entries,
      }
      return {
        plan: planOf(manifest, compareEntries(head.manifest.entries, entries)),
        source: undefined,
        target: {},
        commit: {},
        warnings: [`The contents of release ${options.release} become the newest again.`],
        stop: undefined,
      }
    },
  })
}

async function loadRelease(
  context: PublisherContext,
  base: DraftBase,
  release: number,
): Promise<LoadedManifest> {
  const { api, open, state } = base
  const { name, url } = api.address
  const folder = channelFolder(context.fileSystem, context.home, name, url)
  const found = await findRelease({ api, record: open.record, root: open.root, release, state })
  const old = await loadManifest(api, folder, found)
  if (old.manifest.channel !== open.channelId || old.manifest.release !== release) {
    throw publishError('LW_PUBLISH_RELEASE_UNVERIFIED', {
      detail: `Its manifest says that it is release ${old.manifest.release}.`,
    })
  }
  return old
}

/**
 * Ends a channel by a signed final release. Tuners keep what they have; the name stays reserved.
 */
export async function endChannel(
  context: PublisherContext,
  options: ActOptions,
): Promise<PublishSummary> {
  return runPublish(context, {
    ...options,
    mustExist: true,
    draft: async (base) => {
      const head = requireHead(base, options.address)
      const manifest: Manifest = {
        ...head.manifest,
        release: head.manifest.release + 1,
        published: timeText(context.clock.now()),
      }
      return {
        plan: planOf(manifest, compareEntries(head.manifest.entries, manifest.entries)),
        source: undefined,
        target: { ended: true },
        commit: {},
        warnings: ['The channel has ended; its name stays reserved.'],
        stop: undefined,
      }
    },
  })
}

function requireHead(base: DraftBase, address: ChannelAddress): LoadedManifest {
  if (base.previous !== undefined && base.state.channel !== null) return base.previous
  throw publishError('LW_PUBLISH_NO_CHANNEL', {
    detail: `It is ${address.url}.`,
    untouched: 'Nothing was changed.',
  })
}
