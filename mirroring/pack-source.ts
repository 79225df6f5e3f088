import { limits as formatLimits, type PackOffer } from '../protocol/index.ts'
import type { WantedObject } from './wanted-object.ts'
import { mirroringLimits as limits } from './limits.ts'

/** A server that puts packs of objects together, as its offer said. */
export interface PackSource {
  /** Channel URL. */
  readonly url: string
  readonly offer: PackOffer
}

/**
 * The packs in which small objects are fetched: like kinds of files together and in the order of
 * their paths, which compresses best. Objects that are too large or too few are in none.
 */
export function planPacks(
  offer: PackOffer,
  wanted: readonly WantedObject[],
): readonly (readonly WantedObject[])[] {
  const objectsMax = Math.min(offer.objectsMax, formatLimits.packObjectsMax, limits.packObjectsMax)
  const bytesMax = Math.min(offer.bytesMax, formatLimits.packBytesMax, limits.packBytesMax)
  const objectBytesMax = Math.min(bytesMax, limits.packObjectBytesMax)
  const small = wanted.filter(({ size }) => size > 0 && size <= objectBytesMax)
  const packs: WantedObject[][] = []
  let pack: WantedObject[] = []
  let bytes = 0
  for (const object of small.sort(byKindAndPath)) {
    if (pack.length === objectsMax || bytes + object.size > bytesMax) {
      packs.push(pack)
      pack = []
      bytes = 0
    }
    pack.push(object)
    bytes += object.size
  }
  packs.push(pack)
  return packs.filter(({ length }) => length >= limits.packObjectsMin)
}

function byKindAndPath(a: WantedObject, b: WantedObject): number {
  return compare(extensionOf(a), extensionOf(b)) || compare(a.path ?? '', b.path ?? '')
}

function extensionOf({ path = '' }: WantedObject): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return name.slice(name.lastIndexOf('.') + 1)
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
