/** How many bytes from here on are zero, at most `count`. */
export function zeroBytes(bytes: Uint8Array, at: number, count: number): number {
  let i = 0
  while (i < count && bytes[at + i] === 0) i++
  return i
}
