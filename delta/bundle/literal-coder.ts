import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { ByteModel } from '../entropy/byte-model.ts'
import { MatchHistory } from '../entropy/match-history.ts'
import { Trail } from './trail.ts'

/** Takes what it is told and writes nothing. */
const observer: BinaryCoder = { decoding: false, bytesCoded: 0, code: (bit) => bit }

/** Codes bytes that no old object has, from the output before them and from the old byte beside them. */
export class LiteralCoder {
  private readonly model: ByteModel
  private readonly history: MatchHistory
  /** The last differences from old bytes, at most two of one run. */
  private shift = 0

  constructor(slotBits: number, historyBits: number) {
    this.model = new ByteModel(slotBits)
    this.history = new MatchHistory(historyBits)
  }

  /** Learns from old bytes what the literals will probably be like. */
  prime(bytes: Uint8Array): void {
    this.code(observer, new Trail(), bytes, 0, bytes.length, bytes, 0, 0, 0)
  }

  /**
   * Codes `count` bytes at `at`. `beside` holds the old bytes that a substitution would replace,
   * from `besideAt` on; where it ends there is none. `done` literals of this run came before.
   */
  code(
    coder: BinaryCoder,
    trail: Trail,
    output: Uint8Array,
    at: number,
    count: number,
    beside: Uint8Array,
    besideAt: number,
    besideEnd: number,
    done: number,
  ): void {
    const { model, history } = this
    const { contexts, guesses, confidences } = model
    if (done === 0) history.interrupt()
    for (let i = 0; i < count; i++) {
      const place = Math.min(9, done + i)
      const old = besideAt + i < besideEnd ? (beside[besideAt + i] as number) : -1
      const { recent } = trail
      contexts[0] = recent & 0xff
      contexts[1] = recent & 0xffff
      contexts[2] = recent & 0xffffff
      contexts[3] = recent
      contexts[4] = Math.imul(((old + 1) << 16) | this.shift, 0x2f0b4c47) + place
      contexts[5] = ((old + 1) << 8) | (recent & 0xff) | (place === 0 ? 1 << 20 : 0)
      guesses[0] = history.guess(recent)
      confidences[0] = history.confidence
      guesses[1] = old
      confidences[1] = place
      model.mixSet = (place === 0 ? 8 : 0) + (guesses[0] < 0 ? 0 : 1 + (history.confidence >> 3))
      const byte = model.code(coder, output[at + i] as number)
      output[at + i] = byte
      if (place < 3 && old >= 0) {
        this.shift = ((byte - old) & 255) | (place === 0 ? 0 : (this.shift & 255) << 8)
      }
      history.update(recent, byte)
      trail.push(byte)
    }
  }
}
