const slots = 4096
const listed = 48

/**
 * How the displacements of the function at hand moved: slots of the stack frame, which shift from
 * some slot on when the frame grows, and fields behind other registers.
 */
export class Frames {
  private generation = 1
  private readonly stamps = new Uint32Array(slots)
  private readonly keys = new Int32Array(slots)
  private readonly moves = new Int32Array(slots)
  private readonly stack = new Int32Array(listed)
  private readonly stackMoves = new Int32Array(listed)
  private stackLength = 0
  /** Whether anything moved in this function: in most, nothing does. */
  private moved = false

  /** A new function begins: what was learned of the last one no longer holds. */
  reset(): void {
    if (this.generation === 0xffffffff) {
      this.stamps.fill(0)
      this.generation = 0
    }
    this.generation++
    this.stackLength = 0
    this.moved = false
  }

  /** How far the displacement behind a register moves (register 4: the stack pointer). */
  move(register: number, displacement: number): number {
    if (!this.moved) return 0
    const slot = slotOf(register, displacement)
    if (this.stamps[slot] === this.generation && this.keys[slot] === displacement) {
      return this.moves[slot] as number
    }
    return register === 4 ? this.nearest(displacement) : 0
  }

  learn(register: number, displacement: number, move: number): void {
    if (move !== 0) this.moved = true
    else if (register !== 4 && !this.moved) return
    const slot = slotOf(register, displacement)
    const known = this.stamps[slot] === this.generation && this.keys[slot] === displacement
    this.stamps[slot] = this.generation
    this.keys[slot] = displacement
    this.moves[slot] = move
    if (register !== 4) return
    if (known) this.replace(displacement, move)
    else this.list(displacement, move)
  }

  private replace(displacement: number, move: number): void {
    for (let at = 0; at < this.stackLength; at++) {
      if (this.stack[at] === displacement) this.stackMoves[at] = move
    }
  }

  private list(displacement: number, move: number): void {
    if (this.stackLength === listed) return
    let at = this.stackLength++
    while (at > 0 && (this.stack[at - 1] as number) > displacement) {
      this.stack[at] = this.stack[at - 1] as number
      this.stackMoves[at] = this.stackMoves[at - 1] as number
      at--
    }
    this.stack[at] = displacement
    this.stackMoves[at] = move
  }

  /** A slot that was not seen moves like the nearest one that was. */
  private nearest(displacement: number): number {
    let best = 0
    let distance = displacement < 0 ? 2 ** 31 : displacement
    for (let at = 0; at < this.stackLength; at++) {
      const apart = Math.abs((this.stack[at] as number) - displacement)
      if (apart <= distance) {
        distance = apart
        best = this.stackMoves[at] as number
      }
    }
    return best
  }
}

function slotOf(register: number, displacement: number): number {
  return (Math.imul(displacement * 16 + register, 0x9e3779b1) >>> 0) % slots
}
