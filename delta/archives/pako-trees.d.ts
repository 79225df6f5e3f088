/** The Huffman half of pako's deflate: blocks from symbols. */
declare module 'pako/lib/zlib/trees.js' {
  interface TreeState {
    window: Uint8Array
    readonly pending_buf: Uint8Array
    pending: number
    readonly sym_next: number
    readonly sym_end: number
    readonly dyn_dtree: Uint16Array
  }
  const trees: {
    _tr_init(state: TreeState): void
    _tr_tally(state: TreeState, distance: number, literalOrLength: number): boolean
    _tr_flush_block(state: TreeState, start: number, bytes: number, last: boolean): void
  }
  export default trees
}
