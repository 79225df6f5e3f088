import { type Analysis, analyse, type ImagePair, pairImages } from './analysis.ts'
import type { MapPiece } from './address-map.ts'
import type { CopyOp } from './coder.ts'
import { draftSide } from './draft.ts'
import type { PlacedExecutable } from './executables.ts'
import { findGoFunctions } from './go-functions.ts'
import { findJumpTables } from './jump-tables.ts'
import type { Image, Region } from './layout.ts'
import { referenceLimits } from './limits.ts'
import { mapPieces } from './map-pieces.ts'
import type { PlanInput } from './plan-input.ts'
import type { Side } from './side.ts'
import { WindowKernel } from './window-kernel.ts'

interface Labelled {
  readonly bytes: Uint8Array
  readonly analysis: Analysis
  /** The layout and tables of this side, in the role of the old side. */
  readonly side: Side
  /** Where its addresses are on the old side. */
  readonly pieces: readonly MapPiece[]
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
  const all = [...mapPieces(back, copies), ...pieces]
  return {
    old: view({ bytes: input.old, analysis: old, side, pieces: [] }),
    next: view({ bytes: input.next, analysis: next, side: back, pieces: all }),
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

/** What the kernel takes a region for (kernel/labels.ts). */
const content = { x86: 0, arm64: 1, wasmCode: 2, unloadedData: 3, data: 4 } as const

/** What is labelled in a region; undefined when nothing is. */
function contentOf(region: Region, file: PlacedExecutable | undefined): number | undefined {
  const machine = file?.executable.machine
  if (region.executable) {
    if (machine === 'x86') return content.x86
    if (machine === 'arm64') return content.arm64
    return machine === 'wasm' ? content.wasmCode : undefined
  }
  if (machine === 'wasm') return undefined
  return region.address < 0 ? content.unloadedData : content.data
}

/** Goes through one side in windows and labels each part as what its headers say it is. */
function view({ bytes, analysis, side, pieces }: Labelled): Uint8Array {
  const readOld = (position: number, into: Uint8Array) =>
    into.set(bytes.subarray(position, position + into.length))
  const kernel = new WindowKernel({ side, pieces, copies: [], cells: 0 })
  findGoFunctions(kernel, side.goTables, { readOld })
  findJumpTables(kernel, side.oldLayout.regions, { readOld })
  const out = new Uint8Array(bytes)
  for (const region of side.oldLayout.regions) {
    const file = analysis.placed[region.image]
    const what = contentOf(region, file)
    if (what === undefined) continue
    const { start, base } = side.oldLayout.images[region.image] as Image
    const table = file?.executable.unwindTable
    const unwind = table === undefined ? 0 : table.address - base + start
    kernel.exports.openLabels(region.image, unwind, table?.size ?? 0)
    labelRegion(kernel, { region, what, bytes, out })
  }
  return out
}

const { windowBytes, contextBytes } = referenceLimits

function labelRegion(
  { exports, old, given, result }: WindowKernel,
  part: {
    readonly region: Region
    readonly what: number
    readonly bytes: Uint8Array
    readonly out: Uint8Array
  },
): void {
  const { region, what, bytes, out } = part
  const end = region.position + region.size
  const shift = region.address < 0 ? 0 : region.address - region.position
  for (let position = region.position; position < end; position += windowBytes) {
    const length = Math.min(windowBytes, end - position)
    const lead = Math.min(contextBytes, position)
    old.fill(0)
    old.set(bytes.subarray(position - lead, position + length + contextBytes), contextBytes - lead)
    given.set(bytes.subarray(position, position + length))
    const known = Math.min(contextBytes, position - region.position)
    exports.label(what, length, position, position + shift, known)
    out.set(result.subarray(0, length), position)
  }
}
