import type { BinaryCoder } from './binary-coder.ts'
import { deltaError } from '../errors.ts'
import type { EntropyDoors } from './entropy-kernel.ts'

/** Short texts (names, attributes) that end with a zero byte, each guessed from the ones before. */
export class TextModel {
  private readonly doors: EntropyDoors
  private readonly model: number

  constructor(coder: BinaryCoder) {
    this.doors = coder.kernel.doors
    this.model = this.doors.createShortModel()
  }

  /**
   * `like` is a text that this one probably resembles.
   * @throws LW_DELTA_LIMIT beyond `bytesMax`, LW_DELTA_FORMAT for what is not UTF-8
   */
  code(text: string, bytesMax: number, like = ''): string {
    const wanted = Buffer.from(text)
    const guess = Buffer.from(like)
    const coded: number[] = []
    let guessAt = 0
    let right = 0
    let h = 0
    for (;;) {
      const guessed = guess[guessAt] ?? 0
      const byte = this.doors.codeTextByte(
        this.model,
        h & 0xff,
        h & 0xffff,
        h & 0xffffff,
        h,
        coded.length,
        Math.imul(h & 0xffffff, 31) + guessed,
        guessAt < 0 ? -1 : guessed,
        Math.min(31, right),
        Math.min(15, right),
        wanted[coded.length] ?? 0,
      )
      if (byte === 0) break
      coded.push(byte)
      if (coded.length > bytesMax) {
        throw deltaError('LW_DELTA_LIMIT', { detail: 'A text is longer than its limit.' })
      }
      h = (h << 8) | byte
      if (guessAt >= 0 && guess[guessAt] === byte) {
        guessAt++
        right++
      } else {
        right = 0
        guessAt = resume(guess, guessAt, coded)
      }
    }
    return decode(Uint8Array.from(coded))
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw deltaError('LW_DELTA_FORMAT', { cause, detail: 'A text is not valid UTF-8.' })
  }
}

/** Where the likeness goes on after a difference: behind the next place with the same two bytes. */
function resume(guess: Uint8Array, from: number, coded: readonly number[]): number {
  const last = coded[coded.length - 1]
  const before = coded[coded.length - 2]
  for (let i = Math.max(1, from); i < guess.length; i++) {
    if (guess[i] === last && guess[i - 1] === before) return i + 1
  }
  return from < 0 || from >= guess.length ? -1 : from + 1
}
