/** Operands of a WebAssembly instruction (core specification 2.0, 5.4), by opcode. */
export const operands = {
  none: 0,
  /** One LEB128 number. */
  one: 1,
  two: 2,
  call: 3,
  constant: 4,
  bytes4: 5,
  bytes8: 6,
  /** A count, as many numbers, and one more. */
  table: 7,
  /** A further opcode. */
  misc: 8,
  vector: 9,
} as const

const rows: readonly (readonly [from: number, to: number, value: number])[] = [
  [0x02, 0x04, operands.one],
  [0x0c, 0x0d, operands.one],
  [0x0e, 0x0e, operands.table],
  [0x10, 0x10, operands.call],
  [0x11, 0x11, operands.two],
  [0x12, 0x12, operands.call],
  [0x13, 0x13, operands.two],
  [0x1c, 0x1c, operands.two],
  [0x20, 0x26, operands.one],
  [0x28, 0x3e, operands.two],
  [0x3f, 0x40, operands.one],
  [0x41, 0x42, operands.constant],
  [0x43, 0x43, operands.bytes4],
  [0x44, 0x44, operands.bytes8],
  [0xd0, 0xd0, operands.one],
  [0xd2, 0xd2, operands.call],
  [0xfc, 0xfc, operands.misc],
  [0xfd, 0xfd, operands.vector],
]

export const wasmOperands = new Uint8Array(256)
for (const [from, to, value] of rows) wasmOperands.fill(value, from, to + 1)
