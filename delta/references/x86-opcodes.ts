/** Shapes of x86-64 instructions: what follows an opcode (Intel SDM volume 2, appendix A). */
export const shape = {
  modrm: 1,
  imm8: 2,
  imm16: 4,
  /** 32 bits, or 16 with an operand-size prefix. */
  imm32: 8,
  relative8: 16,
  relative32: 32,
  prefix: 64,
  /** mov with an immediate of up to 64 bits. */
  immFull: 128,
} as const

function table(rows: readonly (readonly [from: number, to: number, value: number])[]): Uint8Array {
  const result = new Uint8Array(256)
  for (const [from, to, value] of rows) result.fill(value, from, to + 1)
  return result
}

const { modrm, imm8, imm16, imm32, relative8, relative32, prefix, immFull } = shape

const arithmetic = [0, 8, 16, 24, 32, 40, 48, 56].flatMap(
  (row) =>
    [
      [row, row + 3, modrm],
      [row + 4, row + 4, imm8],
      [row + 5, row + 5, imm32],
    ] as const,
)

export const oneByte = table([
  ...arithmetic,
  [0x26, 0x26, prefix],
  [0x2e, 0x2e, prefix],
  [0x36, 0x36, prefix],
  [0x3e, 0x3e, prefix],
  [0x63, 0x63, modrm],
  [0x64, 0x67, prefix],
  [0x68, 0x68, imm32],
  [0x69, 0x69, modrm | imm32],
  [0x6a, 0x6a, imm8],
  [0x6b, 0x6b, modrm | imm8],
  [0x70, 0x7f, relative8],
  [0x80, 0x80, modrm | imm8],
  [0x81, 0x81, modrm | imm32],
  [0x83, 0x83, modrm | imm8],
  [0x84, 0x8f, modrm],
  [0xa8, 0xa8, imm8],
  [0xa9, 0xa9, imm32],
  [0xb0, 0xb7, imm8],
  [0xb8, 0xbf, immFull],
  [0xc0, 0xc1, modrm | imm8],
  [0xc2, 0xc2, imm16],
  [0xc6, 0xc6, modrm | imm8],
  [0xc7, 0xc7, modrm | imm32],
  [0xc8, 0xc8, imm16 | imm8],
  [0xca, 0xca, imm16],
  [0xcd, 0xcd, imm8],
  [0xd0, 0xd3, modrm],
  [0xd8, 0xdf, modrm],
  [0xe0, 0xe3, relative8],
  [0xe4, 0xe7, imm8],
  [0xe8, 0xe9, relative32],
  [0xeb, 0xeb, relative8],
  [0xf0, 0xf0, prefix],
  [0xf2, 0xf3, prefix],
  [0xf6, 0xf7, modrm],
  [0xfe, 0xff, modrm],
])

/** After 0F, and map 1 of VEX and EVEX. */
export const twoBytes = table([
  [0x00, 0xff, modrm],
  [0x05, 0x09, 0],
  [0x0b, 0x0b, 0],
  [0x30, 0x37, 0],
  [0x70, 0x73, modrm | imm8],
  [0x77, 0x77, 0],
  [0x80, 0x8f, relative32],
  [0xa0, 0xa2, 0],
  [0xa4, 0xa4, modrm | imm8],
  [0xa8, 0xaa, 0],
  [0xac, 0xac, modrm | imm8],
  [0xba, 0xba, modrm | imm8],
  [0xc2, 0xc2, modrm | imm8],
  [0xc4, 0xc6, modrm | imm8],
  [0xc8, 0xcf, 0],
])
