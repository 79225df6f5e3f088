import { TargetFile, Targets } from '@tufjs/models'
import type { Digest } from '../protocol/index.ts'
import type { Signer } from './ed25519.ts'
import { trustError } from './errors.ts'
import { requireTime, specVersion } from './make-root.ts'
import { writeSignedFile } from './signed-file.ts'
import { type ReleaseTarget, manifestTarget, parseTargets } from './targets-metadata.ts'

export interface CreateTargetsOptions {
  /** One more than the version that it replaces; the first is 1. */
  readonly version: number
  readonly channelId: Digest
  readonly manifest: ReleaseTarget
  /** RFC 3339, UTC, whole seconds. */
  readonly expires: string
  /** Publisher keys; more signatures come by `addSignature`. */
  readonly signers: readonly Signer[]
}

/**
 * Makes the targets file that says what the head of a channel is.
 * @throws LW_TRUST_KEYS_MISSING without a signer; LW_FORMAT_DOCUMENT when the figures are unsound
 */
export function createTargets(options: CreateTargetsOptions): Uint8Array {
  requireTime(options.expires)
  if (options.signers.length === 0) {
    throw trustError('LW_TRUST_KEYS_MISSING', { detail: 'Needed is a publisher key.' })
  }
  const { sha256, bytes, ...figures } = options.manifest
  // Members that were left out must not stand as undefined: canonical JSON has no such value.
  const custom = JSON.parse(JSON.stringify(figures)) as typeof figures
  const target = new TargetFile({
    path: manifestTarget,
    length: bytes,
    hashes: { sha256 },
    unrecognizedFields: { custom: custom as never },
  })
  const signed = new Targets({
    version: options.version,
    specVersion,
    expires: options.expires,
    targets: { [manifestTarget]: target },
    unrecognizedFields: { channel: options.channelId },
  })
  const file = writeSignedFile(signed, options.signers)
  parseTargets(file)
  return file
}
