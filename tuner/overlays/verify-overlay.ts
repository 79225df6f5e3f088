import {
  type Digest,
  type Manifest,
  type OverlayStatement,
  parseOverlayStatement,
  updateError,
  whyNotOverlay,
} from '../../protocol/index.ts'
import { isSignatureOf, publicKeyFromSpki } from '../../trust/index.ts'

export interface OverlayExpectation {
  readonly channel: Digest
  readonly tuner: string
  /** The manifest of the release that it is to lie over. */
  readonly manifest: Manifest
  /** What was taken last: nothing older, and nothing else under the same number. */
  readonly last: { readonly serial: number; readonly statement?: string } | undefined
}

/**
 * Checks an overlay before anything of it is fetched: signed by the key that the release names,
 * bound to this channel, tuner and release, not older than what was taken before, and only files
 * where the release lets a plug-in have some.
 * @throws LW_UPDATE_OVERLAY
 */
export function verifyOverlay(
  sent: { readonly statement: string; readonly signature: string; readonly digest: Digest },
  expected: OverlayExpectation,
): OverlayStatement {
  const { manifest, last } = expected
  const key = manifest.plugin?.key
  if (key === undefined) throw refused('The release names no plug-in.')
  const signature = Buffer.from(sent.signature, 'base64')
  if (!isSignatureOf(publicKeyFromSpki(key), Buffer.from(sent.statement), signature)) {
    throw refused('Its signature is not the plug-in’s.')
  }
  const statement = parseOverlayStatement(sent.statement)
  if (statement.channel !== expected.channel) throw refused('It is for another channel.')
  if (statement.tuner !== expected.tuner) throw refused('It is for another tuner.')
  if (statement.release !== manifest.release) {
    throw refused(`It is for release ${statement.release}; ${manifest.release} lies here.`)
  }
  const isOlder = last !== undefined && statement.serial < last.serial
  const isOther =
    last?.serial === statement.serial &&
    last.statement !== undefined &&
    last.statement !== sent.digest
  if (isOlder || isOther) throw refused(`Number ${statement.serial} was taken before.`)
  const why = whyNotOverlay(manifest, statement.files)
  if (why !== undefined) throw refused(`It has ${why}.`)
  return statement
}

function refused(detail: string): Error {
  return updateError('LW_UPDATE_OVERLAY', {
    detail,
    untouched: 'The channel is as the release has it, or as it was.',
  })
}
