import type { MapPiece } from './address-map.ts'
import type { CopyOp } from './coder.ts'
import { regionFrom } from './layout.ts'
import { referenceLimits } from './limits.ts'
import type { Side } from './side.ts'

/** The copies, cut at the regions of both sides, as moves of addresses. */
export function mapPieces(side: Side, copies: readonly CopyOp[]): MapPiece[] {
  const pieces: MapPiece[] = []
  for (const copy of telling(copies, side.mapCopyBytesMin)) {
    let at = 0
    while (at < copy.length && pieces.length < referenceLimits.mapPiecesMax) {
      const oldRegion = regionFrom(side.oldLayout, copy.oldPosition + at)
      const newRegion = regionFrom(side.newLayout, copy.newPosition + at)
      if (oldRegion === undefined || newRegion === undefined) break
      const start = Math.max(
        at,
        oldRegion.position - copy.oldPosition,
        newRegion.position - copy.newPosition,
      )
      const end = Math.min(
        copy.length,
        oldRegion.position + oldRegion.size - copy.oldPosition,
        newRegion.position + newRegion.size - copy.newPosition,
      )
      if (end > start && oldRegion.address >= 0 && newRegion.address >= 0) {
        const from = copy.oldPosition + start - oldRegion.position + oldRegion.address
        const to = copy.newPosition + start - newRegion.position + newRegion.address
        pieces.push({ from, length: end - start, delta: to - from })
      }
      at = Math.max(end, at + 1)
    }
  }
  return pieces
}

/** How far a short copy may stray from its neighbours, and its least length. */
const near = 512
const shortMin = 8

/**
 * The copies that tell where code went: the long ones, and short ones that moved about as far as
 * the last or the next long one, for others are matched by chance.
 */
function telling(copies: readonly CopyOp[], bytesMin: number): CopyOp[] {
  const ahead = new Float64Array(copies.length)
  let move = Number.NaN
  for (let index = copies.length - 1; index >= 0; index--) {
    const copy = copies[index] as CopyOp
    if (copy.length >= bytesMin) move = copy.newPosition - copy.oldPosition
    ahead[index] = move
  }
  move = Number.NaN
  const kept = copies.filter((copy, index) => {
    const own = copy.newPosition - copy.oldPosition
    if (copy.length >= bytesMin) {
      move = own
      return true
    }
    if (copy.length < shortMin) return false
    return Math.abs(own - move) <= near || Math.abs(own - (ahead[index] as number)) <= near
  })
  if (kept.length <= referenceLimits.mapPiecesMax) return kept
  return kept.sort((a, b) => b.length - a.length).slice(0, referenceLimits.mapPiecesMax)
}
