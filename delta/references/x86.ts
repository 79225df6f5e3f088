import type { Window } from './window.ts'
import { oneByte, shape, twoBytes } from './x86-opcodes.ts'

const { modrm, imm8, imm16, imm32, relative8, relative32, prefix, immFull } = shape
const prefixesMax = 4
/** Old bytes decoded before the first one, to be in step there. */
const leadBytes = 32

/** What an instruction has that moves. */
const field = {
  none: 0,
  near8: 1,
  relative32: 2,
  displacement8: 3,
  displacement32: 4,
  near32: 5,
} as const
const fieldBytes = [0, 1, 4, 1, 4, 4] as const

/** One decoded instruction; reused, because there is one every few bytes. */
export class Instruction {
  length = 0
  field = 0
  /** Index of the field. */
  at = 0
  register = 0
  /** Whether it makes room on the stack, or only fills space between functions. */
  entry = false
}

/**
 * Code of x86-64, instruction by instruction as the old bytes decode: the distances of jumps,
 * calls and RIP-relative operands follow the map, displacements follow what the function at hand
 * has shown so far. Decoding starts `lead` bytes before `from`, to be in step there.
 */
export function transformX86(window: Window, from: number, to: number): number {
  const { old, end, instruction } = window
  let done = from
  let at = from - Math.min(window.lead, leadBytes)
  while (at < to) {
    decode(instruction, old, at)
    const next = at + instruction.length
    const where = instruction.at
    const size = fieldBytes[instruction.field] as number
    if (instruction.entry && at >= from) window.frames.reset()
    at = next
    if (size === 0 || where < from || where + size > end) continue
    if (instruction.field === field.near8) {
      if (!window.leaves8(where)) continue
      window.plain(done, where)
      window.near8(where)
      done = where + 1
    } else if (instruction.field === field.relative32) {
      window.plain(done, where)
      done = window.relative32(where, next) ? where + 4 : where
    } else if (instruction.field === field.near32) {
      window.plain(done, where)
      done = window.near32(where, next) ? where + 4 : where
    } else {
      window.plain(done, where)
      if (size === 1) window.displacement8(where, instruction.register)
      else window.displacement32(where, instruction.register)
      done = where + size
    }
  }
  const stop = Math.min(Math.max(at, to), end)
  window.plain(done, stop)
  return stop
}

function decode(into: Instruction, old: Uint8Array, start: number): void {
  let next = start
  let wide = false
  let rex = 0
  let opcode = old[next++] as number
  let what = oneByte[opcode] as number
  let group = 1
  into.field = field.none
  into.entry = opcode === 0xcc
  while (what === prefix && next - start <= prefixesMax) {
    if (opcode === 0x66) wide = true
    opcode = old[next++] as number
    what = oneByte[opcode] as number
  }
  if ((opcode & 0xf0) === 0x40) {
    rex = opcode
    opcode = old[next++] as number
    what = oneByte[opcode] as number
  }
  if (opcode === 0x0f) {
    opcode = old[next++] as number
    what = twoBytes[opcode] as number
    group = 2
    if (opcode === 0x38 || opcode === 0x3a) {
      what = opcode === 0x38 ? modrm : modrm | imm8
      next++
    }
  } else if (opcode === 0xc5) {
    opcode = old[next + 1] as number
    what = twoBytes[opcode] as number
    next += 2
    group = 2
  } else if (opcode === 0xc4 || opcode === 0x62) {
    const map = (old[next] as number) & 7
    rex = (~(old[next] as number) >> 5) & 1
    next += opcode === 0x62 ? 3 : 2
    opcode = old[next++] as number
    what = map === 1 ? (twoBytes[opcode] as number) : map === 3 ? modrm | imm8 : modrm
    group = 2
  }
  let immediate = 0
  if ((what & imm8) !== 0) immediate = 1
  if ((what & imm16) !== 0) immediate += 2
  if ((what & imm32) !== 0) immediate = wide ? 2 : 4
  if ((what & immFull) !== 0) immediate = (rex & 8) !== 0 ? 8 : wide ? 2 : 4
  if ((what & modrm) === 0) {
    if (what === relative8) {
      into.field = field.near8
      immediate = 1
    } else if (what === relative32) {
      into.field = opcode === 0xe8 && group === 1 ? field.relative32 : field.near32
      immediate = 4
    }
    into.at = next
    into.length = next + immediate - start
    return
  }
  const form = old[next++] as number
  const mod = form >> 6
  let base = form & 7
  if (group === 1 && (opcode & 0xfe) === 0xf6 && (form & 0x30) === 0) {
    immediate = opcode === 0xf6 ? 1 : wide ? 2 : 4
  }
  if (mod === 3) {
    if (base === 4 && (opcode === 0x81 || opcode === 0x83) && group === 1 && rex === 0x48) {
      // sub rsp and add rsp: the size of the frame moves like its topmost slot.
      into.entry = (form & 0x38) === 0x28
      into.field = immediate === 1 ? field.displacement8 : field.displacement32
      into.register = 4
      into.at = next
    }
    into.length = next + immediate - start
    return
  }
  const ripRelative = mod === 0 && base === 5
  if (base === 4) {
    base = (old[next++] as number) & 7
    if (mod === 0 && base !== 5) base = 8
  }
  into.at = next
  into.register = (base & 7) | ((rex & 1) << 3)
  if (mod === 1) {
    into.field = field.displacement8
    next++
  } else if (mod === 2 || base === 5) {
    into.field = ripRelative ? field.relative32 : field.displacement32
    next += 4
  }
  into.length = next + immediate - start
}
