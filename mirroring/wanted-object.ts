import { type Digest, digestOf } from '../protocol/index.ts'
import { mirroringError } from './errors.ts'

/** An object that is wanted. */
export interface WantedObject {
  readonly sha256: Digest
  /** Bytes, from a signed manifest. */
  readonly size: number
  /** Media type, which tells whether a compressed form is likely; empty when unknown. */
  readonly mime: string
  /** A path of the tree that has these bytes: like files compress together. */
  readonly path?: string
}

/** @throws LW_MIRROR_OBJECT unless the bytes are those that the signed manifest names */
export function verifyObject(object: WantedObject, bytes: Uint8Array): void {
  if (bytes.byteLength !== object.size || digestOf(bytes) !== object.sha256) throw damaged(object)
}

/** The error of an object that arrived with other bytes than those of its name. */
export function damaged(object: WantedObject, cause?: unknown): Error {
  return mirroringError('LW_MIRROR_OBJECT', {
    detail: `Object ${object.sha256.slice(0, 16)}….`,
    members: { object: object.sha256 },
    cause,
  })
}
