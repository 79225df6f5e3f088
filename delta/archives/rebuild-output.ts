import { crc32 } from 'node:zlib'
import { refused } from './errors.ts'
import { archiveLimits } from './limits.ts'

/** Where rebuilt bytes go, and how many went. */
export interface Output {
  readonly position: number
  push(piece: Uint8Array): void
}

/** Output that never passes more than its limit on. */
export function limitedOutput(bytesMax: number, emit: (piece: Uint8Array) => void): Output {
  let position = 0
  return {
    get position() {
      return position
    },
    push(piece) {
      if (piece.length === 0) return
      if (position + piece.length > bytesMax) throw refused('The archive becomes too large.')
      position += piece.length
      emit(piece)
    },
  }
}

/** Content that passes by is counted and gets its CRC-32. */
export interface Measured extends Output {
  readonly crc: number
}

/** Measures what is pushed and hands it on. */
export function measure(push: (piece: Uint8Array) => void): Measured {
  let position = 0
  let crc = 0
  return {
    get position() {
      return position
    },
    get crc() {
      return crc
    },
    push(piece) {
      position += piece.length
      crc = crc32(piece, crc)
      push(piece)
    },
  }
}

/** Holds packed bytes back until the header that precedes them is known. */
export function holdBack(): { push(piece: Uint8Array): void; release(to: Output): void } {
  const pieces: Uint8Array[] = []
  let bytes = 0
  return {
    push(piece) {
      bytes += piece.length
      if (bytes > archiveLimits.heldBackMax) throw refused('An entry is too large to hold back.')
      pieces.push(piece.slice())
    },
    release(to) {
      for (const piece of pieces) to.push(piece)
      pieces.length = 0
    },
  }
}
