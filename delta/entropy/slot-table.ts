/** Hashed contexts: each has slots of 16 words, a check and the cells of half a byte. */
export class SlotTable {
  readonly cells: Uint16Array
  /** Where the slots of the contexts lie that were located last. */
  readonly slots: Int32Array
  private readonly count: number
  private readonly slotBits: number

  constructor(contexts: number, slotBits: number) {
    this.count = contexts
    this.slotBits = slotBits
    this.cells = new Uint16Array(contexts << (slotBits + 4)).fill(0x8000)
    this.slots = new Int32Array(contexts)
  }

  /** Finds the slots for the first half of a byte (node 0) or for the second. */
  locate(contexts: Int32Array, node: number): void {
    const { cells, slots, slotBits, count } = this
    const beside = Math.imul(node, 0x3d4d51cb)
    for (let i = 0; i < count; i++) {
      let hash = Math.imul((contexts[i] as number) + beside, 0x9e3779b1)
      hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
      const slot = ((hash >>> (32 - slotBits)) + (i << slotBits)) << 4
      slots[i] = slot
      const check = hash & 0xffff
      if (cells[slot] !== check) {
        for (let j = slot + 1; j < slot + 16; j++) cells[j] = 0x8000
        cells[slot] = check
      }
    }
  }
}
