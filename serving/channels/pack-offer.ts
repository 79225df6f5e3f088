import { limits, type PackOffer } from '../../protocol/index.ts'

/** What the offers of a server that has the content routes say of packs. */
export const packOffer: PackOffer = {
  objectsMax: limits.packObjectsMax,
  bytesMax: limits.packBytesMax,
}
