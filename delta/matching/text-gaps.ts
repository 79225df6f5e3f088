import type { CopyList } from './copy-list.ts'
import { equalBytes } from './equal-bytes.ts'
import type { Stretch } from './string-table.ts'

/** Equal bytes that go on as before and so are copied without looking for anything better. */
const settledBytesMin = 100

/**
 * The stretches of a new text that do not simply go on as its expected copies say: where strings are
 * worth looking for elsewhere. Each is longer by `margin` on either side.
 */
export function textGaps(
  { base, pool }: { readonly base: Uint8Array; readonly pool: Uint8Array },
  { start, end }: Stretch,
  expected: CopyList,
  margin: number,
): Stretch[] {
  const gaps: Stretch[] = []
  let open = start
  const close = (at: number, stop: number): void => {
    if (at > open) {
      gaps.push({ start: Math.max(start, open - margin), end: Math.min(end, at + margin) })
    }
    open = stop
  }
  eachSettled(expected, base, pool, close)
  close(end, end)
  return gaps
}

/** Says where the copies are equal for long. */
function eachSettled(
  copies: CopyList,
  base: Uint8Array,
  pool: Uint8Array,
  take: (start: number, end: number) => void,
): void {
  for (let i = 0; i < copies.count; i++) {
    const distance = copies.oldAt(i) - copies.newAt(i)
    const end = copies.newAt(i) + copies.length(i)
    for (let at = copies.newAt(i); at < end; at++) {
      const length = equalBytes(pool, at, base, at + distance, end - at)
      if (length >= settledBytesMin) take(at, at + length)
      at += length
    }
  }
}
