import type { MapPiece } from './address-map.ts'
import type { Analysis, ImagePair } from './analysis.ts'
import type { BasePair, GoTable, Side } from './side.ts'

/** A base and the new image whose bytes may count from it. */
export interface PlannedBase extends BasePair {
  readonly image: number
}

/** All of a side but its modes, and what the maker needs to choose them. */
export interface Draft {
  readonly side: Side
  readonly bases: readonly PlannedBase[]
  readonly pairs: readonly ImagePair[]
}

const goBaseNames = ['text', 'names', 'pctab', 'gofunc', 'functab', 'types'] as const
const mapCopyBytesMin = 64

export function draftSide(old: Analysis, next: Analysis, pairs: readonly ImagePair[]): Draft {
  const bases: PlannedBase[] = []
  const goTables: GoTable[] = []
  const extra: MapPiece[] = []
  for (const pair of pairs) {
    addUnwind(bases, old, next, pair)
    const first = bases.length
    const a = old.programs[pair.old]
    const b = next.programs[pair.next]
    if (a !== undefined && b !== undefined) {
      for (const name of goBaseNames) bases.push({ old: a[name], next: b[name], image: pair.next })
      const table = { functab: a.functabPosition, functions: a.functions }
      goTables.push({ ...table, bases: [first, first + 1, first + 2, first + 3, first + 4] })
    }
    extra.push(...emptyMemory(old, next, pair))
  }
  return {
    bases,
    pairs,
    side: {
      oldLayout: old.layout,
      newLayout: next.layout,
      mapCopyBytesMin,
      extra,
      bases,
      goTables,
      modes: [],
    },
  }
}

function addUnwind(bases: PlannedBase[], old: Analysis, next: Analysis, pair: ImagePair): void {
  const from = old.layout.images[pair.old]
  const to = next.layout.images[pair.next]
  if (from === undefined || to === undefined) return
  bases.push({ old: from.start, next: to.start, image: pair.next })
  const a = old.placed[pair.old]?.executable.unwindTable
  const b = next.placed[pair.next]?.executable.unwindTable
  if (a === undefined || b === undefined) return
  bases.push({
    old: a.address - from.base + from.start,
    next: b.address - to.base + to.start,
    image: pair.next,
  })
}

/** Zero-filled memory has no bytes that could be copied: its start tells how far it moved. */
function emptyMemory(old: Analysis, next: Analysis, pair: ImagePair): MapPiece[] {
  const bss = ({ layout }: Analysis, image: number) =>
    layout.regions.filter((region) => region.image === image && region.memory > region.size)
  const to = bss(next, pair.next)
  return bss(old, pair.old).flatMap((region, index): MapPiece[] => {
    const other = to[index]
    if (other === undefined) return []
    const from = region.address + region.size
    const delta = other.address + other.size - from
    return [{ from, length: region.memory - region.size, delta }]
  })
}
