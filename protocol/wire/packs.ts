import { type Digest, digestFromBytes } from '../digest.ts'
import { limits } from '../limits.ts'
import { type Static, Type } from '../schemas/index.ts'

/** What a server that answers `POST /NAME/objects` says of it in its offers. */
export const PackOffer = Type.Object({
  /** Objects that one request may name. */
  objectsMax: Type.Integer({ minimum: 1 }),
  /** Bytes that they may have together, before compression. */
  bytesMax: Type.Integer({ minimum: 1 }),
})
export type PackOffer = Static<typeof PackOffer>

/** Bytes of one digest in the body of a request for a pack. */
const digestBytes = 32

/** Bytes of the longest body that a request for a pack may have. */
export const packRequestBytesMax = limits.packObjectsMax * digestBytes

/** The body of `POST /NAME/objects`: the digests, 32 bytes each, in the order of the answer. */
export function encodePackRequest(digests: readonly Digest[]): Buffer {
  return Buffer.from(digests.join(''), 'hex')
}

/** The digests of such a body; undefined when it is none, is empty or names too many. */
export function parsePackRequest(body: Uint8Array): readonly Digest[] | undefined {
  const { byteLength } = body
  if (byteLength === 0 || byteLength > packRequestBytesMax || byteLength % digestBytes !== 0) {
    return undefined
  }
  const digests: Digest[] = []
  for (let at = 0; at < byteLength; at += digestBytes) {
    digests.push(digestFromBytes(body.subarray(at, at + digestBytes)))
  }
  return digests
}
