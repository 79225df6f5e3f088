import { old8 } from './window'
import {
  arithmetic,
  displacementMask,
  escape,
  grows,
  imm8,
  immediateMask,
  modrm,
  oneByteShape,
  operandOf,
  prefix,
  registerOnly,
  relative,
  ripRelative,
  shrinks,
  sib,
  test,
  twoByteShape,
} from './x86-opcodes'

const prefixesMax: usize = 4
const operandSize: u32 = 0x66
export const int3: u32 = 0xcc
const call: u32 = 0xe8
const stackPointer: u32 = 4

/** What an instruction has that moves. */
export const enum Field {
  none,
  near8,
  relative32,
  displacement8,
  displacement32,
  near32,
  /** No field, but the begin of a function, or space before it. */
  entry,
}

/** The instruction that was decoded last: there is one every few bytes, so it has no object. */
export let field: Field = Field.none
/** Index of the field. */
export let fieldAt: usize = 0
/** Whether the displacement is the room that a function makes on the stack as it begins. */
export let makesRoom: bool = false
let rex: u32 = 0

@inline
export function setInstruction(what: u32, at: usize, prefix: u32): void {
  field = what
  fieldAt = at
  rex = prefix
  makesRoom = false
}

/** The register that a displacement counts from: it stands before it, extended by REX.B. */
@inline
export function register(): u32 {
  return (old8(fieldAt - 1) & 7) | ((rex & 1) << 3)
}

@inline
export function isRex(byte: u32): bool {
  return (byte & 0xf0) == 0x40
}

/** Decodes any instruction of the old bytes; returns the index after it. */
export function decodeAny(start: usize): usize {
  let next = start + 1
  let opcode = old8(start)
  let shape = oneByteShape(opcode)
  let wide: u32 = 0
  field = opcode == int3 ? Field.entry : Field.none
  makesRoom = false
  rex = 0
  while (shape == prefix && next - start <= prefixesMax) {
    if (opcode == operandSize) wide = 1
    opcode = old8(next++)
    shape = oneByteShape(opcode)
  }
  if (isRex(opcode)) {
    rex = opcode
    opcode = old8(next++)
    shape = oneByteShape(opcode)
  }
  if ((shape & escape) != 0) {
    if (opcode == 0x0f) {
      opcode = old8(next++)
      shape = twoByteShape(opcode)
      if (opcode == 0x38 || opcode == 0x3a) {
        shape = opcode == 0x38 ? modrm : modrm | imm8
        next++
      }
    } else if (opcode == 0xc5) {
      shape = twoByteShape(old8(next + 1))
      next += 2
    } else {
      const first = old8(next)
      const map = first & 7
      rex = (~first >> 5) & 1
      next += opcode == 0x62 ? 3 : 2
      shape = map == 1 ? twoByteShape(old8(next)) : map == 3 ? modrm | imm8 : modrm
      next++
    }
  }
  let immediate = <usize>(shape & immediateMask)
  if ((shape & shrinks) != 0) {
    if ((shape & grows) != 0 && (rex & 8) != 0) immediate = 8
    else immediate -= <usize>wide << 1
  }
  if ((shape & modrm) != 0) return decodeOperand(next, shape, wide, immediate)
  if ((shape & relative) != 0) {
    fieldAt = next
    if (immediate == 1) field = Field.near8
    else field = opcode == call ? Field.relative32 : Field.near32
  }
  return next + immediate
}

/** Decodes the ModR/M byte and what follows it. */
function decodeOperand(at: usize, shape: u32, wide: u32, immediate: usize): usize {
  let next = at + 1
  const form = old8(at)
  const asks = operandOf(form)
  if ((shape & test) != 0 && (form & 0x30) == 0) {
    immediate = (old8(at - 1) & 1) == 0 ? 1 : 4 - (<usize>wide << 1)
  }
  if ((asks & registerOnly) != 0) {
    if (isStackArithmetic(shape, form) && rex == 0x48) {
      // sub rsp and add rsp: the size of the frame moves like its topmost slot.
      makesRoom = (form & 0x38) == 0x28
      field = immediate == 1 ? Field.displacement8 : Field.displacement32
      fieldAt = next
    }
    return next + immediate
  }
  let displacement = <usize>(asks & displacementMask)
  if ((asks & sib) != 0) {
    // Without a mode, a base of 5 stands for four bytes instead.
    if (form < 0x40 && (old8(next) & 7) == 5) displacement = 4
    next++
  }
  if (displacement == 0) return next + immediate
  fieldAt = next
  if (displacement == 1) field = Field.displacement8
  else field = (asks & ripRelative) != 0 ? Field.relative32 : Field.displacement32
  return next + displacement + immediate
}

/** Whether it may be `add rsp` or `sub rsp`. */
export function isStackArithmetic(shape: u32, form: u32): bool {
  return (shape & arithmetic) != 0 && (form & 7) == stackPointer && form >= 0xc0
}
