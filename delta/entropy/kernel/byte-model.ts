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
 * The full byte model of docs/formats/bundle.md, 3.4: weights (rows of nine, at intervals of twelve), cells of the
 * guesses, then the slots of the six contexts.
 */

const rowBytes: usize = 48
const guessesAt: usize = mixSets * 256 * rowBytes
const slotsAt: usize = guessesAt + 2 * 32 * 2 * 8 * 4

/** Bytes of a model with 2^bits slots per context. */
export function byteModelBytes(bits: u32): usize {
  return slotsAt + (6 * slotBytes << bits)
}

/**
 * Codes one byte. One long function with everything in local variables: it runs for every byte that is
 * modelled. A guess is a byte or -1, its trust 0 to 31.
 */
export function codeByte(
  model: usize,
  bits: u32,
  context0: u32,
  context1: u32,
  context2: u32,
  context3: u32,
  context4: u32,
  context5: u32,
  guess0: i32,
  trust0: u32,
  guess1: i32,
  trust1: u32,
  mixSet: u32,
  byte: u32,
): u32 {
  const table0 = model + slotsAt
  const table1 = table0 + (slotBytes << bits)
  const table2 = table1 + (slotBytes << bits)
  const table3 = table2 + (slotBytes << bits)
  const table4 = table3 + (slotBytes << bits)
  const table5 = table4 + (slotBytes << bits)
  const weights = weightsOf(model, mixSet, rowBytes)
  const cells0 = model + guessesAt + (<usize>trust0 << 6)
  const cells1 = model + guessesAt + 2048 + (<usize>trust1 << 6)
  let open0 = guess0 >= 0
  let open1 = guess1 >= 0
  let node: u32 = 1
  let half: usize = 2
  let slot0 = locate(table0, bits, context0, 0)
  let slot1 = locate(table1, bits, context1, 0)
  let slot2 = locate(table2, bits, context2, 0)
  let slot3 = locate(table3, bits, context3, 0)
  let slot4 = locate(table4, bits, context4, 0)
  let slot5 = locate(table5, bits, context5, 0)
  beginByte()
  for (let i = 7; i >= 0; i--) {
    const cell0: u32 = load<u16>(slot0 + half)
    const cell1: u32 = load<u16>(slot1 + half)
    const cell2: u32 = load<u16>(slot2 + half)
    const cell3: u32 = load<u16>(slot3 + half)
    const cell4: u32 = load<u16>(slot4 + half)
    const cell5: u32 = load<u16>(slot5 + half)
    const guessed0 = (guess0 >> i) & 1
    const guessed1 = (guess1 >> i) & 1
    const at0 = cells0 + (<usize>guessed0 << 5) + (<usize>i << 2)
    const at1 = cells1 + (<usize>guessed1 << 5) + (<usize>i << 2)
    let inputsA = i32x4.splat(stretch(probabilityOf(cell0)))
    inputsA = i32x4.replace_lane(inputsA, 1, stretch(probabilityOf(cell1)))
    inputsA = i32x4.replace_lane(inputsA, 2, stretch(probabilityOf(cell2)))
    inputsA = i32x4.replace_lane(inputsA, 3, stretch(probabilityOf(cell3)))
    let inputsB = i32x4.splat(stretch(probabilityOf(cell4)))
    inputsB = i32x4.replace_lane(inputsB, 1, stretch(probabilityOf(cell5)))
    inputsB = i32x4.replace_lane(inputsB, 2, open0 ? stretch(guessProbability(at0)) : 0)
    inputsB = i32x4.replace_lane(inputsB, 3, open1 ? stretch(guessProbability(at1)) : 0)
    const row = weights + <usize>node * rowBytes
    const weightsA = v128.load(row)
    const weightsB = v128.load(row, 16)
    const constant = load<i32>(row, 32)
    const sums = i64x2.add(pairSums(inputsA, weightsA), pairSums(inputsB, weightsB))
    const sum = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1) + (<i64>constant << 8)
    const p = squash(<i32>(sum >> 16))
    const bit = codeBitOf(byte, i, p)
    const error = <i32>((bit << 16) - p)
    if (error > 512 || error < -512) {
      v128.store(row, nudgedFour(weightsA, inputsA, error))
      v128.store(row, nudgedFour(weightsB, inputsB, error), 16)
      store<i32>(row, nudgedConstant(constant, error), 32)
    }
    moveSlotCell(slot0 + half, cell0, bit)
    moveSlotCell(slot1 + half, cell1, bit)
    moveSlotCell(slot2 + half, cell2, bit)
    moveSlotCell(slot3 + half, cell3, bit)
    moveSlotCell(slot4 + half, cell4, bit)
    moveSlotCell(slot5 + half, cell5, bit)
    if (open0) {
      moveGuess(at0, bit)
      open0 = guessed0 == bit
    }
    if (open1) {
      moveGuess(at1, bit)
      open1 = guessed1 == bit
    }
    node = (node << 1) | bit
    half = (half << 1) | (<usize>bit << 1)
    if (i == 4) {
      const beside = besideContext(node)
      slot0 = locate(table0, bits, context0, beside)
      slot1 = locate(table1, bits, context1, beside)
      slot2 = locate(table2, bits, context2, beside)
      slot3 = locate(table3, bits, context3, beside)
      slot4 = locate(table4, bits, context4, beside)
      slot5 = locate(table5, bits, context5, beside)
      half = 2
    }
  }
  endByte(byte)
  return node & 255
}
