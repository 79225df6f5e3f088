/** Where the bytes of a 206 lie in the whole, or how long the whole is when a 416 says so. */
export type ContentRange =
  | {
      readonly kind: 'part'
      readonly first: number
      readonly last: number
      readonly total: number | undefined
    }
  | { readonly kind: 'unsatisfied'; readonly total: number }

const part = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i
const unsatisfied = /^bytes \*\/(\d{1,16})$/i

/** Parses Content-Range (RFC 9110 §14.4) strictly; `undefined` when it is malformed or absurd. */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  if (value === undefined) return undefined
  const whole = unsatisfied.exec(value)
  if (whole !== null) {
    const total = Number(whole[1])
    return Number.isSafeInteger(total) ? { kind: 'unsatisfied', total } : undefined
  }
  const match = part.exec(value)
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2])
  const total = match[3] === '*' ? undefined : Number(match[3])
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || last < first) return undefined
  if (total !== undefined && (!Number.isSafeInteger(total) || last >= total)) return undefined
  return { kind: 'part', first, last, total }
}
