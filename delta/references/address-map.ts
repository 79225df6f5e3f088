import type { Layout } from './layout.ts'
import { referenceLimits } from './limits.ts'

/** Addresses from `from` on, `length` of them, moved by `delta`. */
export interface MapPiece {
  readonly from: number
  readonly length: number
  readonly delta: number
}

const pageShift = 12

/**
 * Where old addresses went. Total over the loaded old regions: an address that no piece covers
 * moves like the nearest piece of its region. Pieces that overlap: the longer one wins.
 */
export class AddressMap {
  private readonly ends: Float64Array
  private readonly deltas: Float64Array
  private readonly sure: Uint8Array
  private readonly pages: Uint32Array
  private readonly limit: number

  constructor(layout: Layout, pieces: readonly MapPiece[]) {
    const tiles = fillGaps(layout, cutOverlaps(pieces))
    this.ends = new Float64Array(tiles.length)
    this.deltas = new Float64Array(tiles.length)
    this.sure = new Uint8Array(tiles.length)
    for (const [index, tile] of tiles.entries()) {
      this.ends[index] = tile.end
      this.deltas[index] = tile.delta
      this.sure[index] = tile.sure ? 1 : 0
    }
    this.limit = tiles.at(-1)?.end ?? 0
    this.pages = indexPages(this.ends, this.limit)
  }

  /** Whether the address last asked for lies in a piece, not only near one. */
  covered = false

  /** How far the address moved; NaN when it is not loaded or nothing is known. */
  delta(address: number): number {
    if (!(address >= 0 && address < this.limit)) {
      this.covered = true
      return Number.NaN
    }
    let index = this.pages[Math.floor(address / (1 << pageShift))] as number
    while ((this.ends[index] as number) <= address) index++
    this.covered = this.sure[index] === 1
    return this.deltas[index] as number
  }
}

interface Tile {
  readonly end: number
  readonly delta: number
  readonly sure: boolean
}

/** For each page the first tile that reaches into it. */
function indexPages(ends: Float64Array, limit: number): Uint32Array {
  const pages = new Uint32Array(Math.ceil(limit / (1 << pageShift)) + 1)
  let tile = 0
  for (let page = 0; page < pages.length; page++) {
    const address = page * (1 << pageShift)
    while (tile < ends.length - 1 && (ends[tile] as number) <= address) tile++
    pages[page] = tile
  }
  return pages
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
