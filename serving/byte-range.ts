/** Which bytes of a body are to be sent. */
export type ByteRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' }

const whole: ByteRange = { kind: 'whole' }

/**
 * Parses a Range header for a body of `size` bytes (RFC 9110 §14.1.2). Several ranges, other
 * units and malformed ones are answered with the whole, as the RFC allows.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange {
  if (header === undefined) return whole
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/i.exec(header.trim())
  if (match === null) return whole
  const [from, to] = [match[1] ?? '', match[2] ?? '']
  if (from === '' && to === '') return whole
  if (from === '') {
    const length = Math.min(Number(to), size)
    return length === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', first: size - length, last: size - 1 }
  }
  const first = Number(from)
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== '' && Number(to) < first) return whole
  return first >= size ? { kind: 'unsatisfiable' } : { kind: 'part', first, last }
}
