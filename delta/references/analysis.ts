import type { CopyOp } from './coder.ts'
import {
  type Executable,
  layOut,
  type Machine,
  type PlacedExecutable,
  parseExecutable,
} from './executables.ts'
import { findGoProgram, type GoProgram } from './go-program.ts'
import { type Layout, regionAt } from './layout.ts'
import { referenceLimits } from './limits.ts'

/** One file of a set of files that lie one after the other. */
export interface FileRange {
  readonly position: number
  readonly size: number
}

/** What the maker finds out about the executables of one side. */
export interface Analysis {
  readonly layout: Layout
  readonly placed: readonly PlacedExecutable[]
  readonly programs: readonly (GoProgram | undefined)[]
}

export function analyse(bytes: Uint8Array, files: readonly FileRange[] | undefined): Analysis {
  const ranges = files ?? [{ position: 0, size: bytes.length }]
  const placed = ranges
    .flatMap(({ position, size }): PlacedExecutable[] => {
      const executable = parseExecutable(bytes.subarray(position, position + size))
      return executable !== undefined && sensible(executable)
        ? [{ position, size, executable }]
        : []
    })
    .sort((a, b) => a.position - b.position)
    .slice(0, referenceLimits.imagesPlannedMax)
  const layout = layOut(placed)
  const programs = placed.map((file, index) =>
    findGoProgram(bytes, file, layout.images[index]?.start ?? 0),
  )
  return { layout, placed, programs }
}

function sensible({ base, sections }: Executable): boolean {
  const ends = sections.map(({ address, memory }) => address + memory)
  const span = Math.max(0, ...ends) - base
  return base >= 0 && base < 2 ** 52 && span > 0 && span < referenceLimits.imageSpanMax
}

/** An old image and the new image that got most of its bytes. */
export interface ImagePair {
  readonly old: number
  readonly next: number
  readonly machine: Machine
}

/** For each new image the old image that most of its bytes were copied from. */
export function pairImages(
  old: Analysis,
  next: Analysis,
  copies: readonly CopyOp[],
): readonly ImagePair[] {
  const bytes = new Map<number, number>()
  const width = old.layout.images.length
  for (const copy of copies) {
    const from = regionAt(old.layout, copy.oldPosition)
    const to = regionAt(next.layout, copy.newPosition)
    if (from === undefined || to === undefined) continue
    const key = to.image * width + from.image
    bytes.set(key, (bytes.get(key) ?? 0) + copy.length)
  }
  return next.placed.flatMap(({ executable }, index): ImagePair[] => {
    let best = -1
    let most = 0
    for (let image = 0; image < width; image++) {
      const count = bytes.get(index * width + image) ?? 0
      if (count > most) {
        best = image
        most = count
      }
    }
    return best < 0 ? [] : [{ old: best, next: index, machine: executable.machine }]
  })
}
