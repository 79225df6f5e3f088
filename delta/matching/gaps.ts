import { CopyList } from './copy-list.ts'

/** New bytes between two copies. */
export interface Gap {
  readonly start: number
  readonly end: number
  /** Where the copy before ended in the old bytes, or the predecessor's place, -1 for none. */
  readonly old: number
}

/** A file's new bytes, and the place of its predecessor, -1 for none. */
export interface FileRange {
  readonly start: number
  readonly end: number
  readonly predecessor: number
}

/** What the copies of a file leave over. */
export function gapsBetween(copies: CopyList, { start, end, predecessor }: FileRange): Gap[] {
  const gaps: Gap[] = []
  let at = start
  let old = predecessor
  for (let i = 0; i < copies.count; i++) {
    const stop = copies.newAt(i)
    if (stop > at) gaps.push({ start: at, end: stop, old })
    at = stop + copies.length(i)
    old = copies.oldAt(i) + copies.length(i)
  }
  if (end > at) gaps.push({ start: at, end, old })
  return gaps
}

/** The copies of a file, and those that were found in its gaps, in order. */
export function fillGaps(
  copies: CopyList,
  gaps: readonly Gap[],
  find: (gap: Gap) => CopyList,
): CopyList {
  const all = new CopyList()
  let next = 0
  const addUntil = (end: number): void => {
    for (; next < copies.count && copies.newAt(next) < end; next++) {
      all.join(copies.newAt(next), copies.oldAt(next), copies.length(next))
    }
  }
  for (const gap of gaps) {
    addUntil(gap.start)
    const found = find(gap)
    for (let i = 0; i < found.count; i++) {
      all.join(found.newAt(i), found.oldAt(i), found.length(i))
    }
  }
  addUntil(Number.POSITIVE_INFINITY)
  return all
}
