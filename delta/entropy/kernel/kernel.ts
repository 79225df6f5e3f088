/*
 * The entropy coder of bundles: what runs for every bit, byte and operation (docs/formats/bundle.md). One instance
 * codes one bundle. Places and sizes cross as doubles, which hold every whole number up to 2^53.
 */
import { codeCell } from './adaptive-bits'
import { byteModelBytes, codeByte } from './byte-model'
import { codeLength, codeWay, createCopyLengths, leaveMark, markPays, walk } from './copy-lengths'
import { codeDifferences, createDifferences } from './differences'
import { beginExact } from './exact-copies'
import { beginFileState, fileLeft } from './file-state'
import * as inexact from './inexact-copies'
import * as runs from './literal-runs'
import { codeLiterals, createLiterals } from './literals'
import { fillTables } from './logistic'
import { allocate, outputAt, poolAt } from './memory'
import { fillWeightBounds } from './mixing'
import { codeNumber, codeSigned, numberBytes } from './numbers'
import * as old from './old-bytes'
import { forgetRecent, pushRecent, recentBytes } from './output'
import {
  beginPlaces,
  codeCopyCount,
  codeLiteralCount,
  codePlace,
  createPlaces,
  lastKindOfPlace,
} from './places'
import { beginDecoding, beginEncoding } from './range-coder'
import { fillNextCells } from './slots'
import { shortBits } from './strings'

export {
  codedAt,
  codedRoom,
  costsAt,
  operationsAt,
  operationsMost,
  outputAt,
  outputRoom,
  poolAt,
  poolRoom,
  squashAt,
  stretchAt,
} from './memory'
export { bytesCoded, codeBit, finishEncoding } from './range-coder'
export { codeString } from './strings'
export { emptyOutput, outputFilled } from './output'
export { primeLiterals } from './literals'
export { decodeExact } from './exact-copies'
export { beginWindow, decodeOperations, decodeWindow, endWindow } from './inexact-copies'
export { decodeLiterals, literalsWanted, tookLiterals } from './literal-runs'

export function begin(decodes: bool): void {
  fillTables()
  fillNextCells()
  fillWeightBounds()
  if (decodes) beginDecoding()
  else beginEncoding()
}

/* Models by their address. */

export function createBits(count: u32): usize {
  return allocate(count << 2)
}

export function codeAdaptive(model: usize, index: u32, bit: u32, most: u32): u32 {
  return codeCell(model + (index << 2), bit, most)
}

export function createNumbers(contexts: u32): usize {
  return allocate(numberBytes(contexts))
}

export function codeWhole(model: usize, context: u32, value: f64, most: u32): f64 {
  return <f64>codeNumber(model, context, <u64>value, most)
}

export function codeWholeSigned(model: usize, context: u32, value: f64, most: u32): f64 {
  return <f64>codeSigned(model, context, <i64>value, most)
}

/** A byte model for texts or strings. */
export function createShortModel(): usize {
  return allocate(byteModelBytes(shortBits))
}

/** Codes a byte of a text: six contexts, a guess or -1 with its trust, and the set of weights. */
export function codeTextByte(
  model: usize,
  context0: u32,
  context1: u32,
  context2: u32,
  context3: u32,
  context4: u32,
  context5: u32,
  guess: i32,
  trust: u32,
  mixSet: u32,
  byte: u32,
): u32 {
  return codeByte(
    model,
    shortBits,
    context0,
    context1,
    context2,
    context3,
    context4,
    context5,
    guess,
    trust,
    -1,
    0,
    mixSet,
    byte,
  )
}

/* Files. Bytes of a file that no operation said yet are `unsaidBytes`. */

/** Makes the models of the files. */
export function createFileModels(literalBits: u32, differenceBits: u32): void {
  createPlaces()
  createCopyLengths()
  createLiterals(literalBits)
  createDifferences(differenceBits)
}

export function beginDecodingFile(size: f64, predecessor: f64, limit: f64, bulk: bool): void {
  beginFileState(<i64>size, <i64>predecessor, <i64>limit, bulk)
  beginExact()
}

export function setNear(start: f64, at: usize, bytes: u32): void {
  old.setNear(<i64>start, at, bytes)
}

export function lackingPlace(): f64 {
  return <f64>old.lackingPlace()
}

export function beginLiterals(count: f64): void {
  runs.beginLiterals(<i64>count)
}

export function unsaidBytes(): f64 {
  return <f64>fileLeft()
}

export function beginOperations(predecessor: f64): void {
  inexact.beginOperations(<i64>predecessor)
}

export function beginInexact(from: f64, count: f64): void {
  inexact.beginInexact(<i64>from, <i64>count)
}

/* Encoding of files. */

export function beginEncodingFile(predecessor: f64, limit: f64): void {
  forgetRecent()
  beginPlaces(<i64>predecessor, <i64>limit)
}

export function pushByte(byte: u32): void {
  pushRecent(byte)
}

export function encodeLiteralCount(count: f64, left: f64): void {
  codeLiteralCount(<i64>count, <i64>left)
}

export function encodeCopyCount(count: f64, left: f64): void {
  codeCopyCount(<i64>count, <i64>left)
}

export function encodePlace(from: f64, end: f64, literals: f64, at: f64): void {
  codePlace(<i64>from, <i64>end, <i64>literals, <i64>at)
}

/** Encodes bytes of the output room, the old ones beside them at the beginning of the pool's. */
export function encodeLiterals(count: u32, besideCount: u32, done: u32): void {
  codeLiterals(outputAt, count, poolAt, besideCount, done)
}

/** As `encodeLiterals`: differences of a copy that has `left` left. */
export function encodeDifferences(count: u32, left: f64, beyond: f64): void {
  codeDifferences(poolAt, outputAt, count, <i64>left, <i64>beyond)
}

/** Says that a copy has all that is `left` or so many bytes. */
export function encodeLength(wanted: f64, left: f64): void {
  codeWay(lastKindOfPlace(), 0)
  codeLength(lastKindOfPlace(), <i64>wanted, <i64>left)
}

/** Whether a copy of the first old bytes of the room, one more of which is there, ends better at a mark. */
export function pays(length: u32): u32 {
  return markPays(recentBytes(), poolAt, length)
}

/** Says that a copy of the first old bytes of the room ends at a mark, before its last one. */
export function encodeWalk(wanted: u32): void {
  codeWay(lastKindOfPlace(), 1)
  walk(recentBytes(), poolAt, outputAt, wanted + 1, wanted)
}

export function mark(next: u32): void {
  leaveMark(recentBytes(), next)
}
