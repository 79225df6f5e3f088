import { refused } from './errors.ts'
import { addVarintByte, varintBytesMax } from './varint.ts'

/**
 * A parser of pushed bytes: it yields how many bytes it can use next and is resumed with one to
 * that many, or with nothing when the view has ended.
 */
export type Parser<T> = Generator<number, T, Uint8Array | undefined>

/** Exactly `length` bytes, copied. */
export function* take(length: number): Parser<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let filled = 0; filled < length; ) {
    const part = yield length - filled
    if (part === undefined) throw refused('The view ends too early.')
    bytes.set(part, filled)
    filled += part.length
  }
  return bytes
}

/** Hands `length` bytes on as they come; they are the caller's only during the call. */
export function* pass(length: number, push: (piece: Uint8Array) => void): Parser<void> {
  for (let left = length; left > 0; ) {
    const part = yield left
    if (part === undefined) throw refused('The view ends too early.')
    left -= part.length
    push(part)
  }
}

/** A varint, or undefined when the view has ended. */
export function* takeVarintOrEnd(): Parser<number | undefined> {
  let value = 0
  for (let index = 0; index < varintBytesMax; index++) {
    const part = yield 1
    if (part === undefined) {
      if (index === 0) return undefined
      throw refused('The view ends too early.')
    }
    const byte = part[0] ?? 0
    value = addVarintByte(value, byte, index)
    if (byte < 128) return value
  }
  throw refused('The view has a number without end.')
}

/** A varint. */
export function* takeVarint(): Parser<number> {
  const value = yield* takeVarintOrEnd()
  if (value === undefined) throw refused('The view ends too early.')
  return value
}

/** Feeds a parser with what is written. */
export function createPump(
  parser: Parser<void>,
  viewBytesMax: number,
): { write(chunk: Uint8Array): void; end(): void } {
  let wanted: number | undefined
  let viewBytes = 0
  const resume = (part: Uint8Array | undefined): void => {
    const step = parser.next(part)
    wanted = step.done === true ? undefined : step.value
  }
  let started = false
  const start = (): void => {
    if (!started) resume(undefined)
    started = true
  }
  return {
    write(chunk) {
      start()
      viewBytes += chunk.length
      if (viewBytes > viewBytesMax) throw refused('The view is larger than it may be.')
      for (let at = 0; at < chunk.length; ) {
        if (wanted === undefined) throw refused('The view goes on behind its end.')
        const part = chunk.subarray(at, at + wanted)
        at += part.length
        resume(part)
      }
    },
    end() {
      start()
      if (wanted !== undefined) resume(undefined)
      if (wanted !== undefined) throw refused('The view ends too early.')
    },
  }
}
