/** The last three offsets, the latest first. */
export type Repeats = readonly [number, number, number]

/** RFC 8878 3.1.1.5: 1 to 3 name a repeated offset, everything else is the offset plus 3. */
export function offsetValue(repeats: Repeats, offset: number, noLiterals: boolean): number {
  const [first, second, third] = repeats
  if (!noLiterals) {
    if (offset === first) return 1
    if (offset === second) return 2
    if (offset === third) return 3
  } else {
    if (offset === second) return 1
    if (offset === third) return 2
    if (offset === first - 1) return 3
  }
  return offset + 3
}

/** The offsets that the next sequence may repeat. */
export function nextRepeats(
  repeats: Repeats,
  offset: number,
  value: number,
  noLiterals: boolean,
): Repeats {
  const [first, second] = repeats
  const place = value > 3 ? 4 : value + (noLiterals ? 1 : 0)
  if (place === 1) return repeats
  if (place === 2) return [offset, first, repeats[2]]
  return [offset, first, second]
}
