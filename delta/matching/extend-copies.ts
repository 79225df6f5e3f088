import { CopyList } from './copy-list.ts'

/** How copies may grow into the bytes between them. */
export interface Extension {
  readonly base: Uint8Array
  readonly next: Uint8Array
  readonly start: number
  readonly end: number
  /**
   * How many equal halves outweigh a byte that differs: 2 wants more than half equal, 3 more than
   * three in five.
   */
  readonly differingWeight: number
}

const equalWeight = 2
/** How far below its best a score may fall before growing is given up. */
const lossMax = 128

/** Grows every copy forward and backward, and settles overlaps where most bytes are equal. */
export function extendCopies(copies: CopyList, extension: Extension): CopyList {
  const grown = new CopyList()
  for (let i = 0; i < copies.count; i++) {
    let at = copies.newAt(i)
    let from = copies.oldAt(i)
    let length = copies.length(i)
    const last = grown.count - 1
    const floor = last < 0 ? extension.start : grown.newAt(last) + grown.length(last)
    const back = growBack(extension, at, from, floor)
    at -= back
    from -= back
    length += back
    if (last >= 0) grow(grown, last, extension, copies.newAt(i))
    const lastEnd = last < 0 ? extension.start : grown.newAt(last) + grown.length(last)
    if (lastEnd > at) {
      const cut = settle(grown, last, extension, at, from, lastEnd)
      grown.set(last, grown.newAt(last), grown.oldAt(last), cut - grown.newAt(last))
      from += cut - at
      length -= cut - at
      at = cut
    }
    if (length > 0) grown.add(at, from, length)
  }
  if (grown.count > 0) grow(grown, grown.count - 1, extension, extension.end)
  return grown
}

function grow(copies: CopyList, index: number, extension: Extension, limit: number): void {
  const { base, next, differingWeight } = extension
  const at = copies.newAt(index) + copies.length(index)
  const from = copies.oldAt(index) + copies.length(index)
  const most = Math.min(limit - at, base.length - from)
  let best = 0
  let score = 0
  let bestScore = 0
  for (let i = 0; i < most; i++) {
    if (next[at + i] === base[from + i]) {
      score += equalWeight
      if (score > bestScore) {
        bestScore = score
        best = i + 1
      }
    } else {
      score -= differingWeight
      if (score < bestScore - lossMax) break
    }
  }
  copies.set(index, copies.newAt(index), copies.oldAt(index), copies.length(index) + best)
}

function growBack(extension: Extension, at: number, from: number, floor: number): number {
  const { base, next, differingWeight } = extension
  const most = Math.min(at - floor, from)
  let best = 0
  let score = 0
  let bestScore = 0
  for (let i = 1; i <= most; i++) {
    if (next[at - i] === base[from - i]) {
      score += equalWeight
      if (score > bestScore) {
        bestScore = score
        best = i
      }
    } else {
      score -= differingWeight
      if (score < bestScore - lossMax) break
    }
  }
  return best
}

/** Where between `at` and `lastEnd` to go over from the last copy to the next one. */
function settle(
  copies: CopyList,
  last: number,
  { base, next }: Extension,
  at: number,
  from: number,
  lastEnd: number,
): number {
  const distance = copies.oldAt(last) - copies.newAt(last)
  let gain = 0
  let best = 0
  let cut = at
  for (let i = at; i < lastEnd; i++) {
    if (next[i] === base[i + distance]) gain++
    if (next[i] === base[from + i - at]) gain--
    if (gain > best) {
      best = gain
      cut = i + 1
    }
  }
  return cut
}
