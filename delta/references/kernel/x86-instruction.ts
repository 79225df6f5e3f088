import { old8 } from './window'
import {
  imm16,
  imm32,
  imm8,
  immFull,
  modrm,
  oneByteShape,
  prefix,
  relative32,
  relative8,
  twoByteShape,
} from './x86-opcodes'

const prefixesMax: usize = 4

/** What an instruction has that moves. */
export const enum Field {
  none,
  near8,
  relative32,
  displacement8,
  displacement32,
  near32,
}

/** The instruction that was decoded last: there is one every few bytes, so it has no object. */
export let field: Field = Field.none
/** Index of the field. */
export let fieldAt: usize = 0
/** Number of the register that a displacement counts from. */
export let register: u32 = 0
/** Whether it makes room on the stack, or only fills space between functions. */
export let entry: bool = false

/** Decodes the old bytes at an index; returns the index after the instruction. */
export function decode(start: usize): usize {
  let next = start
  let wide = false
  let rex: u32 = 0
  let opcode = old8(next++)
  let what = oneByteShape(opcode)
  let single = true
  field = Field.none
  entry = opcode == 0xcc
  while (what == prefix && next - start <= prefixesMax) {
    if (opcode == 0x66) wide = true
    opcode = old8(next++)
    what = oneByteShape(opcode)
  }
  if ((opcode & 0xf0) == 0x40) {
    rex = opcode
    opcode = old8(next++)
    what = oneByteShape(opcode)
  }
  if (opcode == 0x0f) {
    opcode = old8(next++)
    what = twoByteShape(opcode)
    single = false
    if (opcode == 0x38 || opcode == 0x3a) {
      what = opcode == 0x38 ? modrm : modrm | imm8
      next++
    }
  } else if (opcode == 0xc5) {
    opcode = old8(next + 1)
    what = twoByteShape(opcode)
    next += 2
    single = false
  } else if (opcode == 0xc4 || opcode == 0x62) {
    const first = old8(next)
    const map = first & 7
    rex = (~first >> 5) & 1
    next += opcode == 0x62 ? 3 : 2
    opcode = old8(next++)
    what = map == 1 ? twoByteShape(opcode) : map == 3 ? modrm | imm8 : modrm
    single = false
  }
  const immediate = immediateBytes(what, wide, (rex & 8) != 0)
  if ((what & modrm) == 0) {
    fieldAt = next
    if (what == relative8) {
      field = Field.near8
      return next + 1
    }
    if (what == relative32) {
      field = opcode == 0xe8 && single ? Field.relative32 : Field.near32
      return next + 4
    }
    return next + immediate
  }
  return decodeOperand(next, opcode, single, rex, wide, immediate)
}

// @ts-ignore: decorator
@inline
function immediateBytes(what: u32, wide: bool, full: bool): usize {
  let bytes: usize = (what & imm8) != 0 ? 1 : 0
  if ((what & imm16) != 0) bytes += 2
  if ((what & imm32) != 0) bytes = wide ? 2 : 4
  if ((what & immFull) != 0) bytes = full ? 8 : wide ? 2 : 4
  return bytes
}

/** The ModR/M byte and what follows it. */
// @ts-ignore: decorator
@inline
function decodeOperand(
  at: usize,
  opcode: u32,
  single: bool,
  rex: u32,
  wide: bool,
  immediate: usize,
): usize {
  let next = at
  const form = old8(next++)
  const mod = form >> 6
  let base = form & 7
  if (single && (opcode & 0xfe) == 0xf6 && (form & 0x30) == 0) {
    immediate = opcode == 0xf6 ? 1 : wide ? 2 : 4
  }
  if (mod == 3) {
    if (base == 4 && (opcode == 0x81 || opcode == 0x83) && single && rex == 0x48) {
      // sub rsp and add rsp: the size of the frame moves like its topmost slot.
      entry = (form & 0x38) == 0x28
      field = immediate == 1 ? Field.displacement8 : Field.displacement32
      register = 4
      fieldAt = next
    }
    return next + immediate
  }
  const ripRelative = mod == 0 && base == 5
  if (base == 4) {
    base = old8(next++) & 7
    if (mod == 0 && base != 5) base = 8
  }
  fieldAt = next
  register = (base & 7) | ((rex & 1) << 3)
  if (mod == 1) {
    field = Field.displacement8
    next++
  } else if (mod == 2 || base == 5) {
    field = ripRelative ? Field.relative32 : Field.displacement32
    next += 4
  }
  return next + immediate
}
