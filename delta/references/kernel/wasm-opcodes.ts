/** Operands of a WebAssembly instruction (core specification 2.0, 5.4), by opcode. */
export const enum Operands {
  none,
  /** One LEB128 number. */
  one,
  two,
  call,
  constant,
  bytes4,
  bytes8,
  /** A count, as many numbers, and one more. */
  table,
  /** A further opcode. */
  misc,
  vector,
}

const byOpcode: usize = memory.data(256)

export function operandsOf(opcode: u32): Operands {
  return <Operands>load<u8>(byOpcode + <usize>opcode)
}

function row(from: u32, to: u32, operands: Operands): void {
  memory.fill(byOpcode + from, <u8>operands, to + 1 - from)
}

row(0x02, 0x04, Operands.one)
row(0x0c, 0x0d, Operands.one)
row(0x0e, 0x0e, Operands.table)
row(0x10, 0x10, Operands.call)
row(0x11, 0x11, Operands.two)
row(0x12, 0x12, Operands.call)
row(0x13, 0x13, Operands.two)
row(0x1c, 0x1c, Operands.two)
row(0x20, 0x26, Operands.one)
row(0x28, 0x3e, Operands.two)
row(0x3f, 0x40, Operands.one)
row(0x41, 0x42, Operands.constant)
row(0x43, 0x43, Operands.bytes4)
row(0x44, 0x44, Operands.bytes8)
row(0xd0, 0xd0, Operands.one)
row(0xd2, 0xd2, Operands.call)
row(0xfc, 0xfc, Operands.misc)
row(0xfd, 0xfd, Operands.vector)
