import { allocate } from './memory'

/** The history of a stream (docs/formats/bundle.md, 3.5). Its heads are one higher: 0 is none. */
@unmanaged
export class History {
  private bytes: usize
  private mask: u32
  private heads: usize
  private headShift: u32
  private length: u32
  /** One higher, too. */
  private pointer: u32
  private matched: u32

  /** The guess for the next byte or -1; `context` is a hash of what precedes it. */
  @inline
  guess(context: u32): i32 {
    if (this.pointer == 0) {
      const head = load<u32>(this.headOf(context))
      if (head == 0 || this.length + 1 - head > this.mask) return -1
      this.pointer = head
      this.matched = 0
    }
    return load<u8>(this.bytes + ((this.pointer - 1) & this.mask))
  }

  /** How often in a row the guess was right, bounded to 0 to 31. */
  @inline
  get confidence(): u32 {
    const m = this.matched
    return m < 16 ? m : m < 32 ? 16 + ((m - 16) >>> 2) : m < 256 ? 20 + (m >>> 5) : 31
  }

  /** Tells what the byte was; `context` is what `guess` was asked with. */
  @inline
  update(context: u32, byte: u32): void {
    const bytes = this.bytes
    const mask = this.mask
    const length = this.length
    const pointer = this.pointer
    if (pointer != 0) {
      if (load<u8>(bytes + ((pointer - 1) & mask)) == byte) {
        this.matched++
        this.pointer = pointer >= length ? 0 : pointer + 1
      } else {
        this.pointer = 0
      }
    }
    store<u32>(this.headOf(context), length + 1)
    store<u8>(bytes + (length & mask), byte)
    this.length = length + 1
  }

  /** Forgets where it was, not what it knows: the stream goes on elsewhere. */
  interrupt(): void {
    this.pointer = 0
  }

  @inline
  private headOf(context: u32): usize {
    return this.heads + (<usize>((context * 0x9e3779b1) >>> this.headShift) << 2)
  }

  /** A history of 2^bits bytes. */
  static create(bits: u32): History {
    const history = changetype<History>(allocate(offsetof<History>()))
    const headBits = min<u32>(18, max<u32>(10, bits - 2))
    history.bytes = allocate(1 << bits)
    history.mask = (1 << bits) - 1
    history.heads = allocate(4 << headBits)
    history.headShift = 32 - headBits
    return history
  }
}

/** Bits of the history beside a model of so many bits. */
@inline
export function historyBits(modelBits: u32): u32 {
  return min<u32>(22, modelBits + 6)
}
