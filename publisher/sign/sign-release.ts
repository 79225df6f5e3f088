import path from 'node:path'
import type { Digest } from '../../protocol/index.ts'
import {
  readFileIfPresent,
  removeIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import {
  type KeyPair,
  type ReleaseTarget,
  type RootFile,
  addSignature,
  createTargets,
  lifetimesMs,
  parseTargets,
  signersOf,
  timeText,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { PublisherContext } from './publisher-context.ts'

const waitingFile = 'targets-to-sign.json'

export interface SignOptions {
  readonly context: PublisherContext
  /** The channel's own folder: where metadata waits for more signatures. */
  readonly directory: string
  readonly channelId: Digest
  readonly root: RootFile
  readonly version: number
  readonly release: ReleaseTarget
  readonly signers: readonly KeyPair[]
}

/**
 * Signs the targets of a release with the keys that are here. Where the channel asks for more,
 * the file waits in the channel's folder for the signatures of others; the next run of the same
 * publish takes it from there.
 * @throws LW_PUBLISH_SIGNATURES_MISSING
 */
export async function signRelease(options: SignOptions): Promise<Uint8Array> {
  const { context, root, signers } = options
  const { keys, threshold } = root.view.roles.targets
  const file = path.join(options.directory, waitingFile)
  let bytes = threshold === 1 ? undefined : await loadWaiting(context, file, options)
  if (bytes === undefined) {
    bytes = createTargets({
      version: options.version,
      channelId: options.channelId,
      manifest: options.release,
      expires: timeText(context.clock.now() + lifetimesMs.targets),
      signers,
    })
  } else for (const signer of signers) bytes = addSignature(bytes, signer)
  const count = signersOf(parseTargets(bytes), keys).length
  if (count >= threshold) return bytes
  await writeFileDurably(context.fileSystem, file, bytes, { mode: 0o600 })
  throw publishError('LW_PUBLISH_SIGNATURES_MISSING', {
    detail: `${count} of ${threshold} signatures are there.`,
    untouched: 'Nothing is visible to subscribers; what was uploaded waits for the commit.',
    next: `Let another publisher run "longwave key sign ${file}", put the file back and publish again.`,
    members: { file, signatures: count, threshold },
  })
}

/** What waits for signatures, when it is for this very release. */
async function loadWaiting(
  { fileSystem }: PublisherContext,
  file: string,
  options: SignOptions,
): Promise<Uint8Array | undefined> {
  const bytes = await readFileIfPresent(fileSystem, file, {
    bytesMax: publisherLimits.recordBytesMax,
  })
  if (bytes === undefined) return undefined
  const { view } = parseTargets(bytes)
  const { head } = view
  const same =
    view.version === options.version &&
    view.channelId === options.channelId &&
    head.release === options.release.release &&
    head.sha256 === options.release.sha256 &&
    head.ended === options.release.ended
  return same ? bytes : undefined
}

/** Forgets metadata that waited, after it was committed. */
export async function dropWaiting(context: PublisherContext, directory: string): Promise<void> {
  await removeIfPresent(context.fileSystem, path.join(directory, waitingFile))
}
