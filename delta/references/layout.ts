/**
 * One executable file inside a set of files. Its addresses live in a slice of their own of one
 * common address line, which starts at `start`; `base` is what its own pointers count from.
 */
export interface Image {
  readonly start: number
  readonly span: number
  readonly base: number
}

/** Bytes of a file that are loaded at an address; sorted by position, none overlaps another. */
export interface Region {
  readonly position: number
  readonly size: number
  /** On the common address line; -1 for bytes of an image that are not loaded. */
  readonly address: number
  /** Loaded bytes, at least `size`: the rest is zero-filled memory without bytes in the file. */
  readonly memory: number
  readonly image: number
  readonly executable: boolean
}

/** Where the bytes of one set of files (old or new) are loaded. */
export interface Layout {
  readonly images: readonly Image[]
  readonly regions: readonly Region[]
}

export const unloaded = -1

/** The region that holds a position, or undefined. */
export function regionAt(layout: Layout, position: number): Region | undefined {
  const region = layout.regions[regionsUpTo(layout, position) - 1]
  return region !== undefined && position < region.position + region.size ? region : undefined
}

/** The region that holds a position, or else the next one after it. */
export function regionFrom(layout: Layout, position: number): Region | undefined {
  return regionAt(layout, position) ?? layout.regions[regionsUpTo(layout, position)]
}

/** How many regions start at or before a position. */
function regionsUpTo(layout: Layout, position: number): number {
  let low = 0
  let high = layout.regions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((layout.regions[middle] as Region).position <= position) low = middle + 1
    else high = middle
  }
  return low
}
