/**
 * Where the kernel keeps what. Parts of fixed size come first, whether they are used or not: memory
 * that is never touched costs nothing. Those whose size depends on the program are taken behind them.
 *
 * Fresh memory is zero, so that every table is written such that zero means "nothing known yet".
 */

/** Most bytes of a window, and old bytes before and after it that give context. */
export const windowBytes: usize = 65_536
export const contextBytes: usize = 64
/** Index of the first byte of a window in the three buffers below. */
export const start: usize = contextBytes

/** Old bytes of the window at hand with their context; zeros follow for decoders that look on. */
export const old: usize = 0x1_0000
export const oldBytes: usize = windowBytes + 2 * contextBytes
const zeroBytes: usize = 0x180
/** What is transformed, and what becomes of it. */
export const given: usize = old + oldBytes + zeroBytes
const bufferBytes: usize = windowBytes + 4 * contextBytes
export const result: usize = given + bufferBytes
/** Differing bytes of each cell of a window: 16 bits each. */
export const counts: usize = result + bufferBytes
/** A chunk of old code that is looked through for tables of jump targets. */
export const scanned: usize = counts + 0x200
export const scannedBytes: usize = 0x4_0000

/** Displacements of the function at hand (frames). */
export const frames: usize = scanned + scannedBytes
/** What most x86 instructions are, by two of their bytes (x86-common): 16 bits each. */
export const commonInstructions: usize = frames + 0x1_0000
/** Addresses that one instruction began (address-pairs). */
export const pairs: usize = commonInstructions + 0x2_0000
/** Function tables of Go programs (go-functions). */
export const goTables: usize = pairs + 0x400
/** Addresses that words count from (bases). */
export const bases: usize = goTables + 0x800

/** Learned targets (targets): which of 2^17 slots are used, one bit each, the slots, and biases. */
export const learnedSlots: u32 = 1 << 17
export const usedSlots: usize = bases + 0x800
export const learned: usize = usedSlots + (<usize>learnedSlots >> 3)
export const biases: usize = learned + (<usize>learnedSlots << 4)
export const biasesEnd: usize = biases + (<usize>learnedSlots << 3)

/** One bit for every fourth address at which a table of jump targets may start (jump-tables). */
export const tableStarts: usize = biasesEnd
export const tableSpanMax: usize = 1 << 27

/** Moves of the four kinds of WebAssembly numbers (learned-moves). */
export const wasmMoves: usize = tableStarts + (tableSpanMax >> 5) + 0x40
export const moveSlots: u32 = 1 << 16
export const movePageSlots: u32 = 1 << 14
export const moveTableBytes: usize = (<usize>moveSlots << 3) + 3 * (<usize>movePageSlots << 3)
export const wasmMovesEnd: usize = wasmMoves + 4 * moveTableBytes

let free: usize = wasmMovesEnd

/** Takes bytes of the rest; stops the kernel when its memory was made too small. */
export function take(bytes: usize): usize {
  const at = free
  free += (bytes + 15) & ~15
  if (free > <usize>memory.size() << 16) unreachable()
  return at
}
