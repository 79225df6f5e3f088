import type { Digest } from '../protocol/index.ts'
import { type PublicKey, isSignatureOf } from './ed25519.ts'
import { trustError } from './errors.ts'
import type { SignedFile } from './signed-file.ts'

/** Keys of which so many must sign. */
export interface Authority {
  readonly keys: readonly PublicKey[]
  readonly threshold: number
}

/**
 * TUF 4.1, 5.3.4: every authority must reach its threshold of distinct keys. Beyond TUF, a
 * signature by any other key, or one that does not verify, refuses the file even when the rest
 * would do: an honest file has no such signature, and so no bit of a file is without effect.
 * @throws LW_TRUST_SIGNATURE
 */
export function verifySignatures(file: SignedFile, authorities: readonly Authority[]): void {
  const signed = new Set<Digest>()
  const known = new Map(authorities.flatMap(({ keys }) => keys.map((key) => [key.keyId, key])))
  for (const [keyId, signature] of file.signatures) {
    const key = known.get(keyId)
    if (key === undefined) throw refused(file, `the key ${short(keyId)} may not sign it`)
    if (!isSignatureOf(key, file.signedBytes, signature)) {
      throw refused(file, `the signature of the key ${short(keyId)} is false`)
    }
    signed.add(keyId)
  }
  for (const { keys, threshold } of authorities) {
    const count = keys.filter((key) => signed.has(key.keyId)).length
    if (count < threshold) throw refused(file, `${count} of ${threshold} signatures are there`)
  }
}

/** The keys of an authority that signed a file truly; other signatures are passed over. */
export function signersOf(file: SignedFile, keys: readonly PublicKey[]): readonly PublicKey[] {
  return keys.filter((key) => {
    const signature = file.signatures.get(key.keyId)
    return signature !== undefined && isSignatureOf(key, file.signedBytes, signature)
  })
}

function refused(file: SignedFile, why: string): Error {
  return trustError('LW_TRUST_SIGNATURE', {
    detail: `${file.role}, version ${file.view.version}: ${why}.`,
    members: { role: file.role, version: file.view.version },
  })
}

function short(keyId: Digest): string {
  return `${keyId.slice(0, 16)}…`
}
