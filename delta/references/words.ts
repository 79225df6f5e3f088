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
  window.plain(from, at)
  const last = window.end - width
  while (at < to && at <= last) {
    if (field(at)) at += width
    else {
      const next = Math.min(at + unit, window.end)
      window.plain(at, next)
      at = next
    }
  }
  if (at < to) {
    window.plain(at, to)
    at = to
  }
  return at
}
