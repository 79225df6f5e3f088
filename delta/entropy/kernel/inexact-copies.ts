import { codeDifferences } from './differences'
import {
  advanceFile,
  fileDone,
  fileLeft,
  oldPlace,
  rewindFile,
  setOldPlace,
  spendFile,
} from './file-state'
import { operationsAt, operationsMost } from './memory'
import { lack, near, nearAddress } from './old-bytes'
import { outputNext, pushTail } from './output'
import { copyOutsideBase, stop } from './outside'
import { codeCopyCount, codeLiteralCount, codePlace, placeLimit } from './places'
import { ready } from './states'

/* Decodes files of inexact copies (docs/formats/bundle.md, 8): all operations, then the bytes. */

/**
 * Reads the next operations of a file, at most `most`, as triples of literal bytes, place in the pool,
 * bytes copied. Returns their number; what they leave of the file is asked with `fileLeft`.
 */
export function decodeOperations(most: u32): u32 {
  let count: u32 = 0
  for (let at = operationsAt; fileLeft() > 0 && count < min(most, operationsMost); at += 24) {
    decodeOperation(at)
    count++
  }
  return count
}

function decodeOperation(at: usize): void {
  const literals = codeLiteralCount(0, fileLeft())
  spendFile(literals)
  let from: i64 = 0
  let count: i64 = 0
  if (fileLeft() > 0) {
    from = codePlace(-1, max<i64>(0, oldPlace()), literals, fileDone())
    count = codeCopyCount(0, fileLeft())
    if (from + count > placeLimit()) stop(copyOutsideBase)
    spendFile(count)
    setOldPlace(from + count)
  }
  store<f64>(at, <f64>literals)
  store<f64>(at, <f64>from, 8)
  store<f64>(at, <f64>count, 16)
}

/** All operations were read; the bytes begin. */
export function beginOperations(predecessor: i64): void {
  rewindFile(predecessor)
}

/** What is left of the copy, and of its window. */
let copyLeft: i64 = 0
let windowLeft: u32 = 0

export function beginInexact(from: i64, count: i64): void {
  setOldPlace(from)
  copyLeft = count
}

/** Begins the next window of the copy; the room for output must hold it. */
export function beginWindow(count: u32): void {
  windowLeft = count
}

/**
 * Goes on with the window: old bytes, or zeros when they are `predicted`, to which the differences
 * are added when they are `modelled`.
 */
export function decodeWindow(predicted: bool, modelled: bool): u32 {
  while (windowLeft > 0) {
    const take = <u32>min<i64>(windowLeft, near(oldPlace()))
    if (take == 0) return lack(oldPlace())
    const to = outputNext()
    const from = nearAddress(oldPlace())
    if (predicted) memory.fill(to, 0, take)
    else memory.copy(to, from, take)
    if (modelled) codeDifferences(from, to, take, copyLeft, 0)
    advanceFile(take)
    setOldPlace(oldPlace() + take)
    windowLeft -= take
    copyLeft -= take
  }
  return ready
}

/** A window of so many bytes is complete, its bytes are the recent ones. */
export function endWindow(count: u32): void {
  pushTail(outputNext(), count)
}
