import type { MapPiece } from './address-map.ts'
import { referenceError } from './errors.ts'
import type { Image, Layout, Region } from './layout.ts'
import { unloaded } from './layout.ts'
import { referenceLimits } from './limits.ts'
import { VarintReader, VarintWriter } from './varint.ts'

/** How the bytes of one cell of the new file are predicted. */
export const mode = {
  plain: 0,
  x86: 1,
  arm64: 2,
  pointer64: 3,
  relative32: 4,
  goFunctions: 5,
  ehFrame: 6,
  jumpTable: 7,
  wasmCode: 8,
  wasmData: 9,
  /** 16 + n: 32-bit distances from base n. */
  based32: 16,
} as const
export const modesMax = mode.based32 + referenceLimits.basesMax

/** Two addresses, old and new, that mean the same. */
export interface BasePair {
  readonly old: number
  readonly next: number
}

/** A Go function table (runtime.pclntab) of the old files. */
export interface GoTable {
  /** Position of the table of functions (runtime.functab) in the old files. */
  readonly functab: number
  readonly functions: number
  /** Numbers of the bases: text, names, program-counter tables, function data, records. */
  readonly bases: readonly number[]
}
export const goBases = 5

export interface ModeRun {
  readonly mode: number
  readonly cells: number
}

/** What the decoder has to know beside the copies and the old bytes. */
export interface Side {
  readonly oldLayout: Layout
  readonly newLayout: Layout
  readonly mapCopyBytesMin: number
  readonly extra: readonly MapPiece[]
  readonly bases: readonly BasePair[]
  readonly goTables: readonly GoTable[]
  readonly modes: readonly ModeRun[]
}

const version = 1

export function encodeSide(side: Side): Uint8Array {
  const out = new VarintWriter()
  out.byte(version)
  writeLayout(out, side.oldLayout)
  writeLayout(out, side.newLayout)
  out.unsigned(side.mapCopyBytesMin)
  out.unsigned(side.extra.length)
  let reached = 0
  for (const { from, length, delta } of side.extra) {
    out.signed(from - reached)
    out.unsigned(length)
    out.signed(delta)
    reached = from
  }
  out.unsigned(side.bases.length)
  for (const base of side.bases) {
    out.unsigned(base.old)
    out.unsigned(base.next)
  }
  out.unsigned(side.goTables.length)
  for (const table of side.goTables) {
    out.unsigned(table.functab)
    out.unsigned(table.functions)
    for (const base of table.bases) out.unsigned(base)
  }
  out.unsigned(side.modes.length)
  for (const run of side.modes) out.byte(run.mode)
  for (const run of side.modes) out.unsigned(run.cells)
  return out.finish()
}

function writeLayout(out: VarintWriter, layout: Layout): void {
  out.unsigned(layout.images.length)
  for (const image of layout.images) {
    out.unsigned(image.start)
    out.unsigned(image.span)
    out.unsigned(image.base)
  }
  out.unsigned(layout.regions.length)
  let reached = 0
  for (const region of layout.regions) {
    out.unsigned(region.position - reached)
    out.unsigned(region.size)
    out.unsigned(region.image)
    const image = layout.images[region.image] as Image
    const flag = region.executable ? 1 : 0
    const place = region.address === unloaded ? 0 : region.address - image.start + 1
    out.unsigned(place * 2 + flag)
    if (region.address !== unloaded) out.unsigned(region.memory - region.size)
    reached = region.position + region.size
  }
}

/** @throws LW_DELTA_REFERENCES when a number is out of bounds or bytes are left over */
export function parseSide(bytes: Uint8Array, sizes: { old: number; next: number }): Side {
  check(bytes.length <= referenceLimits.sideBytesMax, 'It is too large.')
  const largest = Math.max(sizes.old, sizes.next)
  check(largest <= referenceLimits.fileBytesMax, 'Its files are too large for it.')
  const input = new VarintReader(bytes)
  check(input.byte() === version, 'Its version is unknown.')
  const oldLayout = readLayout(input, sizes.old)
  const newLayout = readLayout(input, sizes.next)
  const mapCopyBytesMin = input.unsigned(2 ** 31)
  check(mapCopyBytesMin >= referenceLimits.mapCopyBytesMin, 'Its map takes too short copies.')
  const extra = readExtra(input)
  const bases = readList(input, referenceLimits.basesMax, () => ({
    old: input.unsigned(referenceLimits.totalSpanMax),
    next: input.unsigned(referenceLimits.totalSpanMax),
  }))
  let functions = 0
  const goTables = readList(input, referenceLimits.goTablesMax, () => {
    const functab = input.unsigned(sizes.old)
    const count = input.unsigned(referenceLimits.functionsMax)
    functions += count
    check(functions <= referenceLimits.functionsMax, 'It follows too many functions.')
    check(functab + count * 8 <= sizes.old, 'A function table lies outside of the old files.')
    const numbers: number[] = []
    for (let base = 0; base < goBases; base++) numbers.push(input.unsigned(bases.length - 1))
    return { functab, functions: count, bases: numbers }
  })
  const modes = readModes(input, { cells: cellCount(sizes.next), bases: bases.length })
  check(input.atEnd, 'Bytes are left over.')
  return { oldLayout, newLayout, mapCopyBytesMin, extra, bases, goTables, modes }
}

export function cellCount(newSize: number): number {
  return Math.ceil(newSize / referenceLimits.cellBytes)
}

function check(holds: boolean, detail: string): void {
  if (!holds) throw referenceError('LW_DELTA_REFERENCES', { detail })
}

function readList<Item>(input: VarintReader, max: number, item: () => Item): Item[] {
  const count = input.unsigned(max)
  const items: Item[] = []
  for (let index = 0; index < count; index++) items.push(item())
  return items
}

function readExtra(input: VarintReader): MapPiece[] {
  let reached = 0
  return readList(input, referenceLimits.extraPiecesMax, () => {
    const from = reached + input.signed(referenceLimits.totalSpanMax)
    const length = input.unsigned(referenceLimits.totalSpanMax)
    const delta = input.signed(referenceLimits.totalSpanMax)
    check(from >= 0, 'A piece of its map lies before all addresses.')
    reached = from
    return { from, length, delta }
  })
}

function readModes(input: VarintReader, counts: { cells: number; bases: number }): ModeRun[] {
  const runs = input.unsigned(counts.cells)
  const modes: number[] = []
  for (let index = 0; index < runs; index++) {
    const value = input.byte()
    const known =
      value <= mode.wasmData || (value >= mode.based32 && value - mode.based32 < counts.bases)
    check(known, 'A mode is unknown.')
    modes.push(value)
  }
  let cells = 0
  return modes.map((value) => {
    const run = { mode: value, cells: input.unsigned(counts.cells) }
    cells += run.cells
    check(cells <= counts.cells, 'Its modes go beyond the new files.')
    return run
  })
}

function readLayout(input: VarintReader, size: number): Layout {
  let free = 0
  const images = readList(input, referenceLimits.imagesMax, () => {
    const start = input.unsigned(referenceLimits.totalSpanMax)
    const span = input.unsigned(referenceLimits.imageSpanMax)
    const base = input.unsigned(2 ** 52)
    check(start >= free, 'Two images overlap.')
    free = start + span
    check(free <= referenceLimits.totalSpanMax, 'Its images span too much.')
    return { start, span, base }
  })
  let reached = 0
  const regions = readList(input, referenceLimits.regionsMax, (): Region => {
    const position = reached + input.unsigned(size)
    const bytes = input.unsigned(size)
    reached = position + bytes
    check(reached <= size, 'A region goes beyond its files.')
    const number = input.unsigned(images.length - 1)
    const image = images[number] as Image
    const coded = input.unsigned(image.span * 2 + 1)
    const executable = coded % 2 === 1
    const place = (coded - (coded % 2)) / 2
    if (place === 0) {
      return { position, size: bytes, address: unloaded, memory: 0, image: number, executable }
    }
    const memory = bytes + input.unsigned(image.span)
    check(place - 1 + memory <= image.span, 'A region goes beyond its image.')
    const address = image.start + place - 1
    return { position, size: bytes, address, memory, image: number, executable }
  })
  return { images, regions }
}
