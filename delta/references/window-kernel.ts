import { type Kernel, loadKernel } from '../kernels/load-kernel.ts'
import { mapTiles, type MapPiece, type Tile } from './address-map.ts'
import type { CopyOp } from './coder.ts'
import type { Layout } from './layout.ts'
import { referenceLimits } from './limits.ts'
import type { Side } from './side.ts'

/** What the kernel says: numbers are integers, but positions and addresses need all of a double. */
interface KernelExports {
  readonly old: ExportedAddress
  readonly given: ExportedAddress
  readonly result: ExportedAddress
  readonly counts: ExportedAddress
  readonly scanned: ExportedAddress
  openMap(tiles: number, limit: number): void
  addTile(end: number, move: number, sure: boolean): void
  closeMap(): void
  openCopies(count: number): number
  openCells(count: number): number
  openLayouts(oldImages: number, oldRegions: number, newImages: number, newRegions: number): void
  addOldImage(start: number, span: number, base: number): void
  addNewImage(start: number, span: number, base: number): void
  addOldRegion(at: number, size: number, address: number, image: number, code: boolean): void
  addNewRegion(at: number, size: number, address: number, image: number, code: boolean): void
  addBase(oldAddress: number, newAddress: number): void
  addGoTable(position: number, functions: number, ...bases: number[]): number
  closeGoTables(): void
  openTables(limit: number): void
  scanCode(length: number, address: number): void
  restore(copy: number, offset: number, length: number): void
  difference(copy: number, offset: number, length: number): void
  countDifferences(): void
  openLabels(image: number, unwind: number, unwindBytes: number): void
  label(content: number, length: number, at: number, address: number, known: number): void
  forget(): void
}

/** An address in the kernel's memory. */
interface ExportedAddress {
  readonly value: number
}

/** Memory of the parts that are there for every program (kernel/memory.ts). */
const fixedBytes = 12 * 2 ** 20
/** Bytes of what there is one of for each tile, page of the map, copy, region and function. */
const itemBytes = { tile: 16, page: 4, copy: 12, region: 32, function: 4 } as const
/** Pages of the map, at most. */
const pagesMax = 65_536
/** What rounding up may cost. */
const spareBytes = 4096
const { windowBytes, contextBytes, cellBytes } = referenceLimits
/** Differing bytes are counted for the cells that a window touches. */
const cellsOfWindow = windowBytes / cellBytes + 1
const scannedBytes = 256 * 1024

/** The program that a kernel works on. */
export interface KernelProgram {
  readonly side: Side
  /** What the old addresses are mapped by. */
  readonly pieces: readonly MapPiece[]
  readonly copies: readonly CopyOp[]
  /** Cells of the new files. */
  readonly cells: number
}

/**
 * The compiled part of reference prediction with the layouts, the map, the copies and the bases of
 * one program. It knows windows only; who calls it sees to their order.
 */
export class WindowKernel {
  readonly exports: KernelExports
  /** Old bytes of a window, `contextBytes` of context on both sides. */
  readonly old: Uint8Array
  /** What is to be transformed, and what becomes of it. */
  readonly given: Uint8Array
  readonly result: Uint8Array
  /** Differing bytes by cell, of the last window that was counted. */
  readonly counts: Uint16Array
  /** Room for code that is looked through. */
  readonly scanned: Uint8Array
  /** Mode of each cell. */
  readonly cells: Uint8Array
  private readonly buffer: ArrayBuffer

  constructor({ side, pieces, copies, cells }: KernelProgram) {
    const tiles = mapTiles(side.oldLayout, pieces)
    const { exports, buffer }: Kernel<KernelExports> = loadKernel({
      url: new URL('./kernel/kernel.wasm', import.meta.url),
      memoryBytes: memoryBytes({ side, tiles, copies, cells }),
    })
    this.exports = exports
    this.buffer = buffer
    this.old = new Uint8Array(buffer, exports.old.value, windowBytes + 2 * contextBytes)
    this.given = new Uint8Array(buffer, exports.given.value + contextBytes, windowBytes)
    this.result = new Uint8Array(buffer, exports.result.value + contextBytes, windowBytes)
    this.counts = new Uint16Array(buffer, exports.counts.value, cellsOfWindow)
    this.scanned = new Uint8Array(buffer, exports.scanned.value, scannedBytes)
    this.writeMap(tiles)
    this.writeLayouts(side.oldLayout, side.newLayout)
    for (const base of side.bases) exports.addBase(base.old, base.next)
    this.writeCopies(copies)
    this.cells = new Uint8Array(buffer, exports.openCells(cells), cells)
  }

  /** Room in the kernel's memory for the records of a Go table. */
  records(at: number, count: number): Uint32Array {
    return new Uint32Array(this.buffer, at, count)
  }

  private writeMap(tiles: readonly Tile[]): void {
    const { exports } = this
    exports.openMap(tiles.length, limitOf(tiles))
    for (const { end, delta, sure } of tiles) exports.addTile(end, delta, sure)
    exports.closeMap()
  }

  private writeLayouts(old: Layout, next: Layout): void {
    const { exports } = this
    exports.openLayouts(
      old.images.length,
      old.regions.length,
      next.images.length,
      next.regions.length,
    )
    for (const { start, span, base } of old.images) exports.addOldImage(start, span, base)
    for (const { start, span, base } of next.images) exports.addNewImage(start, span, base)
    for (const { position, size, address, image, executable } of old.regions) {
      exports.addOldRegion(position, size, address, image, executable)
    }
    for (const { position, size, address, image, executable } of next.regions) {
      exports.addNewRegion(position, size, address, image, executable)
    }
  }

  private writeCopies(copies: readonly CopyOp[]): void {
    const room = new Uint32Array(
      this.buffer,
      this.exports.openCopies(copies.length),
      copies.length * 3,
    )
    let at = 0
    for (const { oldPosition, newPosition, length } of copies) {
      room[at++] = oldPosition
      room[at++] = newPosition
      room[at++] = length
    }
  }
}

function memoryBytes(program: {
  readonly side: Side
  readonly tiles: readonly Tile[]
  readonly copies: readonly CopyOp[]
  readonly cells: number
}): number {
  const { side, tiles, copies, cells } = program
  const { oldLayout, newLayout, goTables } = side
  const places = [oldLayout, newLayout].flatMap(({ images, regions }) => [images, regions])
  return (
    fixedBytes +
    tiles.length * itemBytes.tile +
    pagesMax * itemBytes.page +
    copies.length * itemBytes.copy +
    places.reduce((sum, { length }) => sum + length, 0) * itemBytes.region +
    goTables.reduce((sum, { functions }) => sum + functions, 0) * itemBytes.function +
    cells +
    spareBytes
  )
}

/** Addresses from here on are in no tile. */
function limitOf(tiles: readonly Tile[]): number {
  return tiles.at(-1)?.end ?? 0
}
