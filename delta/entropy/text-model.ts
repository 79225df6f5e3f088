import type { BinaryCoder } from './binary-coder.ts'
import { ByteModel } from './byte-model.ts'
import { deltaError } from '../errors.ts'

/** Short texts (names, attributes) that end with a zero byte, each guessed from the ones before. */
export class TextModel {
  private readonly model = new ByteModel(10)

  /** `like` is a text that this one probably resembles. */
  code(coder: BinaryCoder, text: string, bytesMax: number, like = ''): string {
    const wanted = Buffer.from(text)
    const guess = Buffer.from(like)
    const coded: number[] = []
    let guessAt = 0
    let right = 0
    let h = 0
    const { contexts, guesses, confidences } = this.model
    for (;;) {
      contexts[0] = h & 0xff
      contexts[1] = h & 0xffff
      contexts[2] = h & 0xffffff
      contexts[3] = h
      contexts[4] = coded.length
      contexts[5] = Math.imul(h & 0xffffff, 31) + (guess[guessAt] ?? 0)
      guesses[0] = guessAt < 0 ? -1 : (guess[guessAt] ?? 0)
      confidences[0] = Math.min(31, right)
      guesses[1] = -1
      this.model.mixSet = Math.min(15, right)
      const byte = this.model.code(coder, wanted[coded.length] ?? 0)
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
