import {
  type Digest,
  type Manifest,
  digestOf,
  limits,
  parseManifest,
} from '../../protocol/index.ts'
import { parseTargets, verifySignatures, type RootFile } from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import type { PublishApi } from '../upload/index.ts'
import type { ChannelFolder, ChannelRecord } from './channel-folder.ts'

/** A manifest with its exact bytes. */
export interface LoadedManifest {
  readonly manifest: Manifest
  readonly bytes: Uint8Array
}

/** Reads a manifest by its verified id: the kept copy, or the transmitter's, checked. */
export async function loadManifest(
  api: PublishApi,
  folder: ChannelFolder,
  wanted: { readonly sha256: Digest; readonly bytes: number },
): Promise<LoadedManifest> {
  const kept = await folder.loadManifest('head', wanted.sha256)
  const bytes = kept ?? (await api.object(wanted.sha256, wanted.bytes))
  if (digestOf(bytes) !== wanted.sha256) {
    throw publishError('LW_PUBLISH_WRONG_ANSWER', {
      detail: 'The manifest that it sent has another hash than the signed one.',
      untouched: 'Nothing was sent.',
    })
  }
  return { manifest: parseManifest(bytes), bytes }
}

/**
 * The id of an older release's manifest: from this publisher's record, else from old metadata that
 * the keys of today's root signed. A key that was rotated away vouches for nothing any more.
 * @throws LW_PUBLISH_NO_RELEASE, LW_PUBLISH_RELEASE_UNVERIFIED
 */
export async function findRelease(options: {
  readonly api: PublishApi
  readonly record: ChannelRecord
  readonly root: RootFile
  readonly release: number
  readonly state: Awaited<ReturnType<PublishApi['state']>>
}): Promise<{ readonly sha256: Digest; readonly bytes: number; readonly label?: string }> {
  const { api, record, root, release, state } = options
  if (!state.retained.includes(release)) throw noRelease(release, state.retained)
  const known = record.releases.find((item) => item.release === release)
  if (known !== undefined) return { sha256: known.manifest, ...known }
  const listed = state.releases?.find((item) => item.release === release)
  const bytes =
    listed && (await api.trustFile(`${listed.targetsVersion}.targets.json`, limits.targetsBytesMax))
  if (bytes === undefined) throw unverified(release)
  const targets = parseTargets(bytes)
  try {
    verifySignatures(targets, [root.view.roles.targets])
  } catch (cause) {
    throw unverified(release, cause)
  }
  const { view } = targets
  if (view.head.release !== release || view.channelId !== state.channel) throw unverified(release)
  return view.head
}

function noRelease(release: number, retained: readonly number[]): Error {
  return publishError('LW_PUBLISH_NO_RELEASE', {
    detail: `Release ${release} is not among ${retained.slice(-20).join(', ') || 'none'}.`,
    untouched: 'Nothing was changed.',
    members: { retained },
  })
}

function unverified(release: number, cause?: unknown): Error {
  return publishError('LW_PUBLISH_RELEASE_UNVERIFIED', {
    detail: `It is release ${release}.`,
    cause,
    untouched: 'Nothing was changed.',
    next: 'Publish a directory with the old contents instead.',
  })
}
