import { commonInstructions as common, old, oldBytes } from './memory'
import { old32 } from './window'
import {
  decodeAny,
  Field,
  field,
  fieldAt,
  int3,
  isRex,
  isStackArithmetic,
  setInstruction,
} from './x86-instruction'
import {
  escape,
  grows,
  modrm,
  oneByteShape,
  operandOf,
  prefix,
  sib,
  test,
  twoByteShape,
} from './x86-opcodes'

/**
 * What nearly all instructions are, by their opcode and the byte after it: a table of 16 bits each,
 * the length from the opcode on, the field << 4, and where the field is << 8. It is 0 for those of
 * which these two bytes and a REX prefix do not tell enough.
 */
const rowBytes: usize = 512
/** Index after the bytes of a window, where instructions are tried out. */
const trialAt: usize = oldBytes + 0x40

let made = false

/** Decodes the old bytes at an index; returns the index after the instruction. */
@inline
export function decode(start: usize): usize {
  const bytes = <u32>old32(start)
  // Half of all instructions have a REX prefix, in no order: nothing to guess for a processor.
  const hasRex = isRex(bytes)
  const opcode = bytes >> (<u32>hasRex << 3)
  const known = <u32>load<u16>(common + <usize>(((opcode & 255) << 9) | ((opcode >> 7) & 0x1fe)))
  if (known == 0) return decodeAny(start)
  const opcodeAt = start + <usize>hasRex
  setInstruction((known >> 4) & 15, opcodeAt + <usize>(known >> 8), select<u32>(bytes, 0, hasRex))
  return opcodeAt + <usize>(known & 15)
}

/** Makes the table when code is first met. Opcodes of one shape share what is found. */
export function makeCommon(): void {
  if (made) return
  made = true
  for (let opcode: u32 = 0; opcode < 256; opcode++) {
    const like = opcodeLike(opcode)
    if (like < opcode) memory.copy(rowOf(opcode), rowOf(like), rowBytes)
    else makeRow(opcode)
  }
  store<u16>(old + trialAt, 0)
}

function makeRow(opcode: u32): void {
  for (let form: u32 = 0; form < 256; form++) {
    if (isTold(opcode, form)) store<u16>(rowOf(opcode) + <usize>(form << 1), tryOut(opcode, form))
  }
}

function rowOf(opcode: u32): usize {
  return common + <usize>opcode * rowBytes
}

/** The first opcode that decodes alike. */
function opcodeLike(opcode: u32): u32 {
  const shape = oneByteShape(opcode)
  if ((shape & modrm) == 0 || (shape & test) != 0) return opcode
  let like: u32 = 0
  while (oneByteShape(like) != shape) like++
  return like
}

/** Whether an opcode and the byte after it tell everything about an instruction. */
function isTold(opcode: u32, form: u32): bool {
  const shape = oneByteShape(opcode)
  if (opcode == 0x0f) return (twoByteShape(form) & modrm) == 0
  if (opcode == int3 || isRex(opcode) || (shape & (prefix | escape | grows)) != 0) return false
  if ((shape & modrm) == 0) return true
  const openBase = (operandOf(form) & sib) != 0 && form < 0x40
  return !openBase && !isStackArithmetic(shape, form)
}

function tryOut(opcode: u32, form: u32): u16 {
  store<u16>(old + trialAt, opcode | (form << 8))
  const length = decodeAny(trialAt) - trialAt
  const into: usize = field == Field.none ? 0 : fieldAt - trialAt
  return <u16>(length | (<usize>field << 4) | (into << 8))
}
