import { frames } from './memory'
import { hashed } from './numbers'
import { field32, field8, old32, old8, Pass, pass } from './window'

/**
 * How the displacements of the function at hand moved: slots of the stack frame, which shift from
 * some slot on when the frame grows, and fields behind other registers.
 */
const slots: u32 = 4096
const listed = 48
const stackPointer: u32 = 4

/** A slot holds the number of the function that wrote it, a displacement and its move. */
const keyAt: usize = 4
const moveAt: usize = 8
/** Displacements of the stack pointer in order, and their moves. */
const stack: usize = frames + <usize>slots * 12
const stackMoves: usize = stack + <usize>listed * 4

/** Displacements of the stack pointer that are still to be noted, in the order of the code. */
const pending: usize = stackMoves + <usize>listed * 4
const pendingMax = 1024

let generation: u32 = 1
let stackLength = 0
let pendingLength = 0
/** Whether anything moved in this function: in most, nothing does. */
let moved = false

/** A new function begins: what was learned of the last one no longer holds. */
export function resetFrame(): void {
  if (generation == u32.MAX_VALUE) {
    memory.fill(frames, 0, <usize>slots * 12)
    generation = 0
  }
  generation++
  stackLength = 0
  pendingLength = 0
  moved = false
}

@inline
function slotOf(register: u32, displacement: i32): usize {
  const key = <i64>((displacement << 4) + <i32>register)
  return frames + <usize>(hashed(key) & (slots - 1)) * 12
}

@inline
function holds(slot: usize, displacement: i32): bool {
  return load<u32>(slot) == generation && load<i32>(slot, keyAt) == displacement
}

@inline
function moveBehind(register: u32, displacement: i32): i32 {
  return moved ? notedMove(register, displacement) : 0
}

function notedMove(register: u32, displacement: i32): i32 {
  const slot = slotOf(register, displacement)
  if (holds(slot, displacement)) return load<i32>(slot, moveAt)
  return register == stackPointer ? nearest(displacement) : 0
}

@inline
function learn(register: u32, displacement: i32, move: i32): void {
  if (move == 0 && !moved) {
    if (register == stackPointer) postpone(displacement)
    return
  }
  moved = true
  if (pendingLength > 0) catchUp()
  note(register, displacement, move)
}

/** What did not move is of no use before something moves, which mostly never comes. */
@inline
function postpone(displacement: i32): void {
  store<i32>(<usize>pendingLength << 2, displacement, pending)
  if (++pendingLength == pendingMax) catchUp()
}

function catchUp(): void {
  for (let index = 0; index < pendingLength; index++) {
    note(stackPointer, load<i32>(<usize>index << 2, pending), 0)
  }
  pendingLength = 0
}

function note(register: u32, displacement: i32, move: i32): void {
  const slot = slotOf(register, displacement)
  const known = holds(slot, displacement)
  store<u32>(slot, generation)
  store<i32>(slot, displacement, keyAt)
  store<i32>(slot, move, moveAt)
  if (register != stackPointer) return
  if (known) replace(displacement, move)
  else list(displacement, move)
}

function replace(displacement: i32, move: i32): void {
  for (let index = 0; index < stackLength; index++) {
    const at = <usize>index << 2
    if (load<i32>(at, stack) == displacement) store<i32>(at, move, stackMoves)
  }
}

function list(displacement: i32, move: i32): void {
  if (stackLength == listed) return
  let at = <usize>stackLength << 2
  stackLength++
  while (at > 0 && load<i32>(at - 4, stack) > displacement) {
    store<i32>(at, load<i32>(at - 4, stack), stack)
    store<i32>(at, load<i32>(at - 4, stackMoves), stackMoves)
    at -= 4
  }
  store<i32>(at, displacement, stack)
  store<i32>(at, move, stackMoves)
}

/** A slot that was not seen moves like the nearest one that was; 0 counts as seen. */
function nearest(displacement: i32): i32 {
  let best = 0
  let distance: i64 = displacement < 0 ? 0x8000_0000 : <i64>displacement
  for (let index = 0; index < stackLength; index++) {
    const at = <usize>index << 2
    const apart = abs(<i64>load<i32>(at, stack) - <i64>displacement)
    if (apart > distance) continue
    distance = apart
    best = load<i32>(at, stackMoves)
  }
  return best
}

export function displacement8(at: usize, register: u32): void {
  if (pass == Pass.label) return
  const value = <i32>(<i8>old8(at))
  const actual = field8(at, value + moveBehind(register, value))
  learn(register, value, actual - value)
}

export function displacement32(at: usize, register: u32): void {
  if (pass == Pass.label) return
  const value = old32(at)
  const actual = field32(at, value + moveBehind(register, value))
  learn(register, value, actual - value)
}
