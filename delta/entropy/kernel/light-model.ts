import { squash, stretch } from './logistic'
import {
  guessProbability,
  mixSets,
  moveGuess,
  nudgedConstant,
  nudgedFour,
  pairSums,
  weightsOf,
} from './mixing'
import { beginByte, codeBitOf, endByte } from './range-coder'
import { besideContext, locate, moveSlotCell, probabilityOf, slotBytes } from './slots'

/*
 * The light byte model of docs/formats/bundle.md, 3.4: half the time, a few per cent more bytes. Laid out as the
 * full one, with rows of five weights at intervals of eight. The loop stands twice because one that
 * took the number of contexts would keep nothing in registers.
 */

const rowBytes: usize = 32
const guessesAt: usize = mixSets * 256 * rowBytes
const slotsAt: usize = guessesAt + 32 * 2 * 8 * 4

/** Bytes of a model with 2^bits slots per context. */
export function lightModelBytes(bits: u32): usize {
  return slotsAt + (3 * slotBytes << bits)
}

/** Codes one byte. The guess is a byte or -1, its trust 0 to 31. */
export function codeLightByte(
  model: usize,
  bits: u32,
  context0: u32,
  context1: u32,
  context2: u32,
  guess: i32,
  trust: u32,
  mixSet: u32,
  byte: u32,
): u32 {
  const table0 = model + slotsAt
  const table1 = table0 + (slotBytes << bits)
  const table2 = table1 + (slotBytes << bits)
  const weights = weightsOf(model, mixSet, rowBytes)
  const cells = model + guessesAt + (<usize>trust << 6)
  let open = guess >= 0
  let node: u32 = 1
  let half: usize = 2
  let slot0 = locate(table0, bits, context0, 0)
  let slot1 = locate(table1, bits, context1, 0)
  let slot2 = locate(table2, bits, context2, 0)
  beginByte()
  for (let i = 7; i >= 0; i--) {
    const cell0: u32 = load<u16>(slot0 + half)
    const cell1: u32 = load<u16>(slot1 + half)
    const cell2: u32 = load<u16>(slot2 + half)
    const guessed = (guess >> i) & 1
    const at = cells + (<usize>guessed << 5) + (<usize>i << 2)
    let inputs = i32x4.splat(stretch(probabilityOf(cell0)))
    inputs = i32x4.replace_lane(inputs, 1, stretch(probabilityOf(cell1)))
    inputs = i32x4.replace_lane(inputs, 2, stretch(probabilityOf(cell2)))
    inputs = i32x4.replace_lane(inputs, 3, open ? stretch(guessProbability(at)) : 0)
    const row = weights + <usize>node * rowBytes
    const four = v128.load(row)
    const constant = load<i32>(row, 16)
    const sums = pairSums(inputs, four)
    const sum = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1) + (<i64>constant << 8)
    const p = squash(<i32>(sum >> 16))
    const bit = codeBitOf(byte, i, p)
    const error = <i32>((bit << 16) - p)
    if (error > 512 || error < -512) {
      v128.store(row, nudgedFour(four, inputs, error))
      store<i32>(row, nudgedConstant(constant, error), 16)
    }
    moveSlotCell(slot0 + half, cell0, bit)
    moveSlotCell(slot1 + half, cell1, bit)
    moveSlotCell(slot2 + half, cell2, bit)
    if (open) {
      moveGuess(at, bit)
      open = guessed == bit
    }
    node = (node << 1) | bit
    half = (half << 1) | (<usize>bit << 1)
    if (i == 4) {
      const beside = besideContext(node)
      slot0 = locate(table0, bits, context0, beside)
      slot1 = locate(table1, bits, context1, beside)
      slot2 = locate(table2, bits, context2, beside)
      half = 2
    }
  }
  endByte(byte)
  return node & 255
}
