/** Bytes that are compared one by one before larger pieces are compared at once. */
const singlesMax = 64
const pieceBytesMin = 512
const pieceBytesMax = 1 << 16

/** How many bytes from `at` in `left` and from `from` in `right` are equal, `most` at most. */
export function equalBytes(
  left: Uint8Array,
  at: number,
  right: Uint8Array,
  from: number,
  most: number,
): number {
  const singles = Math.min(most, singlesMax)
  let length = 0
  while (length < singles && left[at + length] === right[from + length]) length++
  if (length < singles || length === most) return length
  for (let piece = pieceBytesMin; length + piece <= most; ) {
    const a = left.subarray(at + length, at + length + piece)
    const b = right.subarray(from + length, from + length + piece)
    if (Buffer.compare(a, b) !== 0) break
    length += piece
    piece = Math.min(pieceBytesMax, piece * 2)
  }
  while (length < most && left[at + length] === right[from + length]) length++
  return length
}
