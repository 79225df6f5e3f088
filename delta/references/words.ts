import type { Window } from './window.ts'

/** First index from `from` on whose new address is a multiple of `unit`. */
function aligned(window: Window, from: number, unit: number): number {
  const rest = (window.newAddress + from) % unit
  return rest === 0 ? from : from + unit - rest
}

/** Tries `field` at every aligned word; words that are none are taken byte by byte. */
export function transformWords(
  window: Window,
  span: { from: number; to: number; unit: number; width: number },
  field: (at: number) => boolean,
): number {
  const { from, to, unit, width } = span
  let at = Math.min(aligned(window, from, unit), to)
  let done = from
  const last = window.end - width
  while (at < to && at <= last) {
    if (!field(at)) {
      at += unit
      continue
    }
    window.plain(done, at)
    at += width
    done = at
  }
  const stop = Math.min(Math.max(at, to), window.end)
  window.plain(done, stop)
  return stop
}
