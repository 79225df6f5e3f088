import { AddressMap } from './address-map.ts'
import { type Analysis, analyse, type ImagePair, pairImages } from './analysis.ts'
import { transformArm64 } from './arm64.ts'
import type { CopyOp } from './coder.ts'
import { draftSide } from './draft.ts'
import { transformEhFrame } from './eh-frame.ts'
import { GoFunctions } from './go-functions.ts'
import { JumpTables } from './jump-tables.ts'
import type { Image, Region } from './layout.ts'
import { referenceLimits } from './limits.ts'
import { mapPieces } from './map-pieces.ts'
import type { PlanInput } from './plan-input.ts'
import type { Side } from './side.ts'
import { Targets } from './targets.ts'
import { transformWasmCode } from './wasm.ts'
import { Window } from './window.ts'
import { transformWords } from './words.ts'
import { transformX86 } from './x86.ts'

/** Writes into every reference which address it means, instead of how it is reached from there. */
class LabelWindow extends Window {
  private label(at: number, target: number): boolean {
    const rva = target - this.oldImageStart
    if (rva < 0 || rva >= this.oldImageSpan) return false
    const moved = this.targets.predict(target)
    this.write32(at, (Number.isNaN(moved) ? target : moved) | 0)
    return true
  }

  private write32(at: number, value: number): void {
    this.io[at] = value
    this.io[at + 1] = value >>> 8
    this.io[at + 2] = value >>> 16
    this.io[at + 3] = value >>> 24
  }

  override plain(): void {}

  override here(): number {
    return 0
  }

  override field32(at: number, expected: number): number {
    this.write32(at, expected)
    return expected
  }

  /** Numbers of WebAssembly are masked: no map tells what they mean. */
  override byte(at: number, expected: number): void {
    this.io[at] = expected & 128
  }

  override found(): void {}

  override near8(): void {}

  override near32(at: number, anchor: number): boolean {
    return this.relative32(at, anchor)
  }

  override displacement8(): void {}

  override displacement32(): void {}

  override relative32(at: number, anchor: number): boolean {
    return this.label(at, this.oldAddress + anchor + this.old32(at))
  }

  override based32(at: number, base: number): boolean {
    return this.label(at, base + this.old32(at))
  }

  override pointer64(at: number): boolean {
    const value = (this.old32(at) >>> 0) + (this.old32(at + 4) >>> 0) * 2 ** 32
    return this.label(at, value - this.oldImageBase + this.oldImageStart)
  }
}

interface Labelled {
  readonly bytes: Uint8Array
  readonly analysis: Analysis
  /** The layout and tables of this side, in the role of the old side. */
  readonly side: Side
  readonly map: AddressMap
}

/**
 * Both sides for a second, better matching: same sizes, same positions, but each reference holds
 * the old address of what it means, as far as the first matching's copies tell. Moved code then
 * looks the same, so copies found in the views are longer and truer. Only the maker needs them.
 * @returns undefined when there is no executable on both sides
 */
export function labelViews(
  input: PlanInput,
): { readonly old: Uint8Array; readonly next: Uint8Array } | undefined {
  const old = analyse(input.old, input.oldFiles)
  const next = analyse(input.next, input.nextFiles)
  const pairs = pairImages(old, next, input.copies)
  if (pairs.length === 0) return undefined
  const { side } = draftSide(old, next, pairs)
  const back = turned(side, old, next, pairs)
  const copies = input.copies.map(turnedCopy)
  const pieces = side.extra.map(({ from, length, delta }) => ({
    from: from + delta,
    length,
    delta: -delta,
  }))
  const map = new AddressMap(back.oldLayout, [...mapPieces(back, copies), ...pieces])
  const still = new AddressMap(side.oldLayout, [])
  return {
    old: view({ bytes: input.old, analysis: old, side, map: still }),
    next: view({ bytes: input.next, analysis: next, side: back, map }),
  }
}

function turnedCopy({ oldPosition, newPosition, length }: CopyOp): CopyOp {
  return { oldPosition: newPosition, newPosition: oldPosition, length }
}

/** The side as if the new files were the old ones. */
function turned(side: Side, old: Analysis, next: Analysis, pairs: readonly ImagePair[]): Side {
  const tables = pairs.flatMap((pair) => {
    const program = next.programs[pair.next]
    return program === undefined || old.programs[pair.old] === undefined ? [] : [program]
  })
  return {
    ...side,
    oldLayout: side.newLayout,
    newLayout: side.oldLayout,
    bases: side.bases.map((base) => ({ old: base.next, next: base.old })),
    goTables: side.goTables.map((table, index) => ({
      ...table,
      functab: tables[index]?.functabPosition ?? 0,
      functions: tables[index]?.functions ?? 0,
    })),
  }
}

function view(labelled: Labelled): Uint8Array {
  const { bytes, side } = labelled
  const input = {
    copies: [],
    oldSize: bytes.length,
    newSize: bytes.length,
    readOld: (position: number, into: Uint8Array) =>
      into.set(bytes.subarray(position, position + into.length)),
  }
  const labeller = new Labeller(labelled, {
    go: new GoFunctions(side, input),
    tables: new JumpTables(side.oldLayout.regions, input),
  })
  const out = new Uint8Array(bytes)
  for (const region of side.oldLayout.regions) labeller.region(region, out)
  return out
}

/** Goes through one side in windows and labels each part as what its headers say it is. */
class Labeller {
  private readonly window: LabelWindow
  private readonly labelled: Labelled
  private readonly parts: { readonly go: GoFunctions; readonly tables: JumpTables }
  /** Where the table of unwind records of the region's image lies. */
  private unwind = { base: 0, end: 0 }

  constructor(
    labelled: Labelled,
    parts: { readonly go: GoFunctions; readonly tables: JumpTables },
  ) {
    this.labelled = labelled
    this.parts = parts
    this.window = new LabelWindow(new Targets(labelled.map))
  }

  region(region: Region, out: Uint8Array): void {
    const { window } = this
    const image = this.labelled.side.oldLayout.images[region.image] as Image
    window.oldImageStart = image.start
    window.oldImageSpan = image.span
    window.oldImageBase = image.base
    const table = this.labelled.analysis.placed[region.image]?.executable.unwindTable
    const base = table === undefined ? 0 : table.address - image.base + image.start
    this.unwind = { base, end: base + (table?.size ?? 0) }
    const end = region.position + region.size
    for (let position = region.position; position < end; ) {
      const length = Math.min(referenceLimits.windowBytes, end - position)
      const { start } = window
      const { bytes } = this.labelled
      window.old.fill(0)
      const lead = Math.min(start, position)
      window.old.set(bytes.subarray(position - lead, position + length + start), start - lead)
      window.io.set(bytes.subarray(position, position + length), start)
      window.end = start + length
      window.lead = Math.min(start, position - region.position)
      window.oldPosition = position - start
      const shift = region.address < 0 ? 0 : region.address - region.position
      window.oldAddress = position - start + shift
      window.newAddress = window.oldAddress
      this.fill(region)
      out.set(window.io.subarray(start, window.end), position)
      position += length
    }
  }

  private fill(region: Region): void {
    const { window, parts } = this
    const { start: from, end: to } = window
    const { analysis } = this.labelled
    if (region.executable) {
      const machine = analysis.placed[region.image]?.executable.machine
      window.pairs.clear()
      if (machine === 'x86') transformX86(window, from, to)
      if (machine === 'wasm') transformWasmCode(window, from, to)
      if (machine === 'arm64') transformArm64(window, from, to)
      return
    }
    if (analysis.placed[region.image]?.executable.machine === 'wasm') return
    transformWords(window, { from, to, unit: 8, width: 8 }, (at) => window.pointer64(at))
    if (parts.go.touches(window.oldPosition + from, to - from)) parts.go.transform(window, from, to)
    if (region.address < 0) return
    transformEhFrame(window, from, to)
    transformWords(window, { from, to, unit: 4, width: 4 }, (at) => this.word(region, at))
  }

  /** Entries of .eh_frame_hdr and of tables of jump targets. */
  private word(region: Region, at: number): boolean {
    const { window, parts } = this
    const address = window.oldAddress + at
    const { base, end } = this.unwind
    if (address >= base + 12 && address < end) return window.based32(at, base)
    const start = parts.tables.startAt(address)
    if (start < 0 || !this.inCode(start + window.old32(at), region.image)) return false
    return window.based32(at, start)
  }

  private inCode(address: number, image: number): boolean {
    return this.labelled.side.oldLayout.regions.some(
      (region) =>
        region.executable &&
        region.image === image &&
        address >= region.address &&
        address < region.address + region.size,
    )
  }
}
