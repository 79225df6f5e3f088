/**
 * Shapes of x86-64 instructions: what follows an opcode (Intel SDM volume 2, appendix A). The low
 * bits are the bytes of the immediate, or of the distance of a jump.
 */
export const immediateMask: u32 = 15
export const imm8: u32 = 1
export const modrm: u32 = 16
export const relative: u32 = 32
export const prefix: u32 = 64
/** Opcodes of more bytes: 0F, VEX and EVEX. */
export const escape: u32 = 128
/** The immediate has 16 bits after an operand-size prefix. */
export const shrinks: u32 = 256
/** The immediate has 64 bits with REX.W. */
export const grows: u32 = 512
/** Arithmetic with an immediate: `sub rsp`, `add rsp`. */
export const arithmetic: u32 = 1024
/** F6 and F7, two of whose operations have an immediate. */
export const test: u32 = 2048

const imm16: u32 = 2
const imm32: u32 = 4 | shrinks
const immFull: u32 = imm32 | grows
const relative8: u32 = 1 | relative
const relative32: u32 = 4 | relative

/** Shapes, 16 bits each: opcodes of one byte, those after 0F and in map 1 of VEX and EVEX. */
const oneByte: usize = memory.data(512)
const twoBytes: usize = memory.data(512)

/** Bits of what a ModR/M byte asks for; the low ones are the bytes of the displacement. */
export const displacementMask: u32 = 7
export const sib: u32 = 8
export const ripRelative: u32 = 16
export const registerOnly: u32 = 32
const operands: usize = memory.data(256)

@inline
export function oneByteShape(opcode: u32): u32 {
  return load<u16>(oneByte + (<usize>opcode << 1))
}

@inline
export function twoByteShape(opcode: u32): u32 {
  return load<u16>(twoBytes + (<usize>opcode << 1))
}

@inline
export function operandOf(form: u32): u32 {
  return load<u8>(operands + <usize>form)
}

function one(from: u32, to: u32, shape: u32): void {
  for (let at = from; at <= to; at++) store<u16>(oneByte + (<usize>at << 1), shape)
}

function two(from: u32, to: u32, shape: u32): void {
  for (let at = from; at <= to; at++) store<u16>(twoBytes + (<usize>at << 1), shape)
}

for (let form: u32 = 0; form < 256; form++) {
  const mode = form >> 6
  const base = form & 7
  let operand: u32 = mode == 1 ? 1 : mode == 2 ? 4 : 0
  if (mode == 0 && base == 5) operand = 4 | ripRelative
  if (mode == 3) operand = registerOnly
  else if (base == 4) operand |= sib
  store<u8>(operands + <usize>form, operand)
}

for (let row: u32 = 0; row < 64; row += 8) {
  one(row, row + 3, modrm)
  one(row + 4, row + 4, imm8)
  one(row + 5, row + 5, imm32)
}
one(0x0f, 0x0f, escape)
one(0x26, 0x26, prefix)
one(0x2e, 0x2e, prefix)
one(0x36, 0x36, prefix)
one(0x3e, 0x3e, prefix)
one(0x62, 0x62, escape)
one(0x63, 0x63, modrm)
one(0x64, 0x67, prefix)
one(0x68, 0x68, imm32)
one(0x69, 0x69, modrm | imm32)
one(0x6a, 0x6a, imm8)
one(0x6b, 0x6b, modrm | imm8)
one(0x70, 0x7f, relative8)
one(0x80, 0x80, modrm | imm8)
one(0x81, 0x81, modrm | imm32 | arithmetic)
one(0x83, 0x83, modrm | imm8 | arithmetic)
one(0x84, 0x8f, modrm)
one(0xa8, 0xa8, imm8)
one(0xa9, 0xa9, imm32)
one(0xb0, 0xb7, imm8)
one(0xb8, 0xbf, immFull)
one(0xc0, 0xc1, modrm | imm8)
one(0xc2, 0xc2, imm16)
one(0xc4, 0xc5, escape)
one(0xc6, 0xc6, modrm | imm8)
one(0xc7, 0xc7, modrm | imm32)
one(0xc8, 0xc8, imm16 + imm8)
one(0xca, 0xca, imm16)
one(0xcd, 0xcd, imm8)
one(0xd0, 0xd3, modrm)
one(0xd8, 0xdf, modrm)
one(0xe0, 0xe3, relative8)
one(0xe4, 0xe7, imm8)
one(0xe8, 0xe9, relative32)
one(0xeb, 0xeb, relative8)
one(0xf0, 0xf0, prefix)
one(0xf2, 0xf3, prefix)
one(0xf6, 0xf7, modrm | test)
one(0xfe, 0xff, modrm)

two(0x00, 0xff, modrm)
two(0x05, 0x09, 0)
two(0x0b, 0x0b, 0)
two(0x30, 0x37, 0)
two(0x70, 0x73, modrm | imm8)
two(0x77, 0x77, 0)
two(0x80, 0x8f, relative32)
two(0xa0, 0xa2, 0)
two(0xa4, 0xa4, modrm | imm8)
two(0xa8, 0xaa, 0)
two(0xac, 0xac, modrm | imm8)
two(0xba, 0xba, modrm | imm8)
two(0xc2, 0xc2, modrm | imm8)
two(0xc4, 0xc6, modrm | imm8)
two(0xc8, 0xcf, 0)
