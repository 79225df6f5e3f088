import type { Layout } from './layout.ts'
import { referenceLimits } from './limits.ts'

/** Addresses from `from` on, `length` of them, moved by `delta`. */
export interface MapPiece {
  readonly from: number
  readonly length: number
  readonly delta: number
}

/** Addresses up to `end` that moved by the same number. */
export interface Tile {
  readonly end: number
  /** NaN when nothing is known. */
  readonly delta: number
  /** Whether a piece covers them, not only is near. */
  readonly sure: boolean
}

/**
 * Where old addresses went. Total over the loaded old regions: an address that no piece covers
 * moves like the nearest piece of its region. Pieces that overlap: the longer one wins.
 * @returns tiles in order, the first from address 0, without gaps
 */
export function mapTiles(layout: Layout, pieces: readonly MapPiece[]): Tile[] {
  return fillGaps(layout, cutOverlaps(pieces))
}

/** Sorted disjoint pieces: where two overlap, the shorter gives way. */
function cutOverlaps(pieces: readonly MapPiece[]): MapPiece[] {
  const sorted = [...pieces].sort((a, b) => a.from - b.from || b.length - a.length)
  const result: MapPiece[] = []
  for (const piece of sorted) {
    let { from, length, delta } = piece
    let last = result.at(-1)
    while (last !== undefined && from < last.from + last.length) {
      if (length <= last.length) {
        const cut = last.from + last.length - from
        from += cut
        length -= cut
        break
      }
      result.pop()
      if (from > last.from) {
        result.push({ from: last.from, length: from - last.from, delta: last.delta })
        break
      }
      last = result.at(-1)
    }
    if (length > 0) result.push({ from, length, delta })
  }
  return result.slice(0, referenceLimits.mapPiecesMax)
}

/** Tiles that cover every loaded region and, with NaN, the space between regions. */
function fillGaps(layout: Layout, pieces: readonly MapPiece[]): Tile[] {
  const regions = layout.regions.filter((region) => region.address >= 0 && region.memory > 0)
  const ordered = [...regions].sort((a, b) => a.address - b.address)
  const tiles: Tile[] = []
  let index = 0
  let reached = 0
  for (const region of ordered) {
    const start = Math.max(region.address, reached)
    const end = region.address + region.memory
    if (end <= start) continue
    if (start > reached) tiles.push({ end: start, delta: Number.NaN, sure: false })
    while (index < pieces.length && pieceEnd(pieces[index]) <= start) index++
    const first = index
    while (index < pieces.length && (pieces[index] as MapPiece).from < end) index++
    tileRegion(tiles, { start, end }, pieces.slice(first, index))
    reached = end
    if (index > first && pieceEnd(pieces[index - 1]) > end) index--
  }
  return tiles
}

function pieceEnd(piece: MapPiece | undefined): number {
  return piece === undefined ? 0 : piece.from + piece.length
}

/** Pieces, and the halves of the gaps around them, which go with the nearer piece. */
function tileRegion(
  tiles: Tile[],
  bounds: { readonly start: number; readonly end: number },
  pieces: readonly MapPiece[],
): void {
  let reached = bounds.start
  const tile = (end: number, delta: number, sure: boolean): void => {
    const stop = Math.min(end, bounds.end)
    if (stop > reached) tiles.push({ end: stop, delta, sure })
    reached = Math.max(reached, stop)
  }
  for (const [index, piece] of pieces.entries()) {
    const next = pieces[index + 1]
    const stop = pieceEnd(piece)
    tile(piece.from, piece.delta, false)
    tile(stop, piece.delta, true)
    const half = next === undefined ? bounds.end : stop + Math.floor((next.from - stop) / 2)
    tile(half, piece.delta, false)
  }
  if (pieces.length === 0) tile(bounds.end, Number.NaN, false)
}
