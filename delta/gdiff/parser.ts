import { gdiffEnd, gdiffHeader, operandBytes } from './command.ts'
import { gdiffError } from './errors.ts'

export type GdiffCommand =
  | { readonly kind: 'literal'; readonly bytes: Uint8Array }
  | { readonly kind: 'copy'; readonly position: number; readonly length: number }

const headerBytes = gdiffHeader.byteLength

export function refuseGdiff(detail: string): never {
  throw gdiffError('LW_DELTA_GDIFF', { detail: `${detail}.` })
}

/**
 * Reads commands from a difference that comes in pieces of any size; holds at most one command's
 * operands. Strict: another version, negative numbers, a missing end and bytes after the end are
 * refused. Literal bytes are views of the pushed piece.
 */
export class GdiffParser {
  /** Header or opcode with operands, as far as they came. */
  readonly #held = new Uint8Array(16)
  readonly #view = new DataView(this.#held.buffer)
  #heldBytes = 0
  #state: 'header' | 'command' | 'ended' = 'header'
  #literalLeft = 0

  /** @throws LW_DELTA_GDIFF when the difference is not complete. */
  end(): void {
    if (this.#state !== 'ended') refuseGdiff('It ends too early')
  }

  *push(piece: Uint8Array): Generator<GdiffCommand, void, undefined> {
    let at = 0
    while (at < piece.byteLength) {
      if (this.#state === 'ended') refuseGdiff('Bytes follow the end')
      if (this.#literalLeft > 0) {
        const bytes = piece.subarray(at, at + this.#literalLeft)
        this.#literalLeft -= bytes.byteLength
        at += bytes.byteLength
        yield { kind: 'literal', bytes }
        continue
      }
      this.#held[this.#heldBytes++] = piece[at++] ?? 0
      const command = this.#state === 'header' ? this.#header() : this.#command()
      if (command !== undefined) yield command
    }
  }

  #header(): undefined {
    const at = this.#heldBytes - 1
    if (this.#held[at] !== gdiffHeader[at]) {
      refuseGdiff(at === headerBytes - 1 ? 'Not version 4' : 'Not a GDIFF difference')
    }
    if (this.#heldBytes < headerBytes) return
    this.#state = 'command'
    this.#heldBytes = 0
  }

  #command(): GdiffCommand | undefined {
    const opcode = this.#held[0] ?? 0
    if (opcode === gdiffEnd) {
      this.#state = 'ended'
      return undefined
    }
    if (opcode <= 246) {
      this.#literal(opcode)
      return undefined
    }
    if (this.#heldBytes <= (operandBytes[opcode] ?? 0)) return undefined
    if (opcode === 247) this.#literal(this.#view.getUint16(1))
    else if (opcode === 248) this.#literal(this.#signed(1))
    else return this.#copy(opcode)
    return undefined
  }

  #literal(length: number): void {
    this.#literalLeft = length
    this.#heldBytes = 0
  }

  #copy(opcode: number): GdiffCommand {
    const view = this.#view
    this.#heldBytes = 0
    let position: number
    if (opcode <= 251) position = view.getUint16(1)
    else if (opcode <= 254) position = this.#signed(1)
    else {
      const wide = view.getBigInt64(1)
      if (wide < 0n) refuseGdiff('A number is negative')
      if (wide > BigInt(Number.MAX_SAFE_INTEGER)) refuseGdiff('A copy reaches past the old file')
      position = Number(wide)
    }
    const lengthAt = opcode <= 251 ? 3 : opcode <= 254 ? 5 : 9
    let length: number
    if (opcode === 249 || opcode === 252) length = view.getUint8(lengthAt)
    else if (opcode === 250 || opcode === 253) length = view.getUint16(lengthAt)
    else length = this.#signed(lengthAt)
    return { kind: 'copy', position, length }
  }

  #signed(at: number): number {
    const value = this.#view.getInt32(at)
    if (value < 0) refuseGdiff('A number is negative')
    return value
  }
}
