import { codeDifferences } from './differences'
import { codeLength, codeWay, leaveMark, walk } from './copy-lengths'
import { codeLiterals } from './literals'
import { operationsAt, operationsMost } from './memory'
import {
  advanceOutput,
  copyBytes,
  forgetRecent,
  outputLeft,
  outputNext,
  pushTail,
  recentBytes,
} from './output'
import { copyOutsideBase, nothingDone, stop } from './outside'
import {
  beginPlaces,
  codeCopyCount,
  codeLiteralCount,
  codePlace,
  lastKindOfPlace,
  placeLimit,
} from './places'

/*
 * Decodes the files of a bundle (docs/formats/bundle.md, 8). Whatever lacks something says what, and goes on when
 * it is called again.
 */

/** It is done. */
const ready: u32 = 0
/** The room for output is full. */
const lacksRoom: u32 = 1
/** The old bytes at the place are not at hand. */
const lacksOld: u32 = 2
/** Literals come from the bulk stream. */
const lacksBulk: u32 = 3

/** Old bytes that are at hand: where they lie in the pool, where in memory, and how many. */
let nearStart: i64 = 0
let nearAt: usize = 0
let nearBytes: i64 = 0

let size: i64 = 0
/** Bytes of the file that are still to come. */
let left: i64 = 0
/** Where the next old byte lies in the pool, -1 when there is no such place. */
let place: i64 = -1
/** The old byte that is lacking. */
let lacking: i64 = 0
let bulkLiterals = false

/** A run of literals: how many in all and how many are there. */
let literals: i64 = 0
let literalsDone: i64 = 0
/** What is left of the copy. */
let copyLeft: i64 = 0

export function setNear(start: i64, at: usize, bytes: i64): void {
  nearStart = start
  nearAt = at
  nearBytes = bytes
}

/** How many old bytes from a place on are at hand, at `nearAddress`. */
@inline
function near(position: i64): i64 {
  const offset = position - nearStart
  return <u64>offset < <u64>nearBytes ? nearBytes - offset : 0
}

@inline
function nearAddress(position: i64): usize {
  return nearAt + <usize>(position - nearStart)
}

export function lackingPlace(): i64 {
  return lacking
}

function lack(position: i64): u32 {
  lacking = position
  return lacksOld
}

export function beginFile(bytes: i64, predecessor: i64, limit: i64, bulk: bool): void {
  forgetRecent()
  beginPlaces(max<i64>(0, predecessor), limit)
  size = left = bytes
  place = predecessor
  bulkLiterals = bulk
  begins = predecessor >= 0
  step = stepCount
}

/** Begins a run of literals. */
export function beginLiterals(count: i64): void {
  literals = count
  literalsDone = 0
}

/** Goes on with the run of literals. */
export function decodeLiterals(): u32 {
  while (literalsDone < literals) {
    let take = min<i64>(literals - literalsDone, outputLeft())
    if (take == 0) return lacksRoom
    if (bulkLiterals) return lacksBulk
    const old = place + literalsDone
    let besideCount: i64 = 0
    if (place >= 0 && old < placeLimit()) {
      take = min(take, min(placeLimit() - old, near(old)))
      if (take == 0) return lack(old)
      besideCount = take
    }
    const done = <u32>min<i64>(literalsDone, 9)
    codeLiterals(outputNext(), <u32>take, nearAddress(old), <u32>besideCount, done)
    advanceOutput(<u32>take)
    literalsDone += take
    left -= take
  }
  return ready
}

/** How many literals of the run may come from the bulk stream now. */
export function literalsWanted(): u32 {
  return <u32>min<i64>(literals - literalsDone, outputLeft())
}

/** So many literals were put into the room from the bulk stream. */
export function tookLiterals(count: u32): void {
  advanceOutput(count)
  pushTail(outputNext(), count)
  literalsDone += count
  left -= count
}

@inline
function advance(count: u32): void {
  pushTail(outputNext() + count, count)
  advanceOutput(count)
  left -= count
  place += count
}

/* Exact copies. */

const stepCount: u32 = 0
const stepLiterals: u32 = 1
const stepLength: u32 = 2
const stepCopy: u32 = 3
const stepWalk: u32 = 4
const stepMark: u32 = 5
const stepEnd: u32 = 6

let step: u32 = stepCount
/** The file begins with a copy from its predecessor. */
let begins = false
/** Whether the copy leaves a mark. */
let marks = false
/** Of the operation. */
let leftBefore: i64 = 0

/** Goes on with a file of exact copies. */
export function decodeExact(): u32 {
  while (left > 0 || step != stepCount) {
    const state = decodeStep()
    if (state != ready) return state
  }
  return ready
}

/** A function of its own: an engine compiles it well after some calls, in the middle of a file. */
function decodeStep(): u32 {
  let state: u32
  switch (step) {
    case stepCount:
      leftBefore = left
      if (begins) {
        step = stepLength
        return ready
      }
      beginLiterals(codeLiteralCount(0, left))
      step = stepLiterals
    case stepLiterals:
      state = decodeLiterals()
      if (state != ready) return state
      if (left == 0) {
        step = stepCount
        return ready
      }
      place = codePlace(-1, max<i64>(0, place), literals, size - left)
      step = stepLength
    case stepLength:
      beginCopy()
      return ready
    case stepCopy:
      state = decodeCopy()
      if (state != ready) return state
      step = marks ? stepMark : stepEnd
      return ready
    case stepWalk:
      state = decodeWalk()
      if (state != ready) return state
      step = stepEnd
      return ready
    case stepMark:
      if (near(place) == 0) return lack(place)
      leaveMark(recentBytes(), load<u8>(nearAddress(place)))
    default:
      // Operations that do nothing could go on for ever at next to no bytes.
      if (!begins && left == leftBefore) stop(nothingDone)
      begins = false
      step = stepCount
      return ready
  }
}

function beginCopy(): void {
  const most = min(left, placeLimit() - place)
  if (codeWay(lastKindOfPlace(), 0)) {
    step = stepWalk
    return
  }
  copyLeft = codeLength(lastKindOfPlace(), 0, most)
  marks = copyLeft < most
  step = stepCopy
}

function decodeCopy(): u32 {
  while (copyLeft > 0) {
    const room = outputLeft()
    if (room == 0) return lacksRoom
    const take = <u32>min(min<i64>(copyLeft, room), near(place))
    if (take == 0) return lack(place)
    copyBytes(outputNext(), nearAddress(place), take)
    advance(take)
    copyLeft -= take
  }
  return ready
}

function decodeWalk(): u32 {
  for (let walking = true; walking; ) {
    const most = min(left, placeLimit() - place)
    if (most <= 0) break
    const room = outputLeft()
    if (room == 0) return lacksRoom
    const count = <u32>min(min<i64>(most, room), near(place))
    if (count == 0) return lack(place)
    const walked = walk(recentBytes(), nearAddress(place), outputNext(), count, <u32>-1)
    advance(walked)
    walking = walked == count
  }
  return ready
}

/* Inexact copies. */

/**
 * Reads the next operations of a file, at most `most`, as triples of literal bytes, place in the pool,
 * bytes copied. Returns their number; what they leave of the file is asked with `unsaidBytes`.
 */
export function decodeOperations(most: u32): u32 {
  let count: u32 = 0
  for (let at = operationsAt; left > 0 && count < min(most, operationsMost); at += 24) {
    decodeOperation(at)
    count++
  }
  return count
}

function decodeOperation(at: usize): void {
  const literals = codeLiteralCount(0, left)
  left -= literals
  let from: i64 = 0
  let count: i64 = 0
  if (left > 0) {
    const end = max<i64>(0, place)
    from = codePlace(-1, end, literals, size - left)
    count = codeCopyCount(0, left)
    if (from + count > placeLimit()) stop(copyOutsideBase)
    left -= count
    place = from + count
  }
  store<f64>(at, <f64>literals)
  store<f64>(at, <f64>from, 8)
  store<f64>(at, <f64>count, 16)
}

export function unsaidBytes(): i64 {
  return left
}

/** All operations were read; the bytes begin. */
export function beginOperations(predecessor: i64): void {
  left = size
  place = predecessor
}

/** Begins an inexact copy. */
export function beginInexact(from: i64, count: i64): void {
  place = from
  copyLeft = count
}

/** Bytes of the window that are still to come. */
let windowLeft: u32 = 0

/** Begins the next window of an inexact copy; the room must hold it. */
export function beginWindow(count: u32): void {
  windowLeft = count
}

/**
 * Goes on with the window: old bytes, or zeros when they are `predicted`, to which the differences
 * are added when they are `modelled`.
 */
export function decodeWindow(predicted: bool, modelled: bool): u32 {
  while (windowLeft > 0) {
    const take = <u32>min<i64>(windowLeft, near(place))
    if (take == 0) return lack(place)
    const to = outputNext()
    const from = nearAddress(place)
    if (predicted) memory.fill(to, 0, take)
    else memory.copy(to, from, take)
    if (modelled) codeDifferences(from, to, take, copyLeft, 0)
    advanceOutput(take)
    windowLeft -= take
    copyLeft -= take
    left -= take
    place += take
  }
  return ready
}

/** A window of so many bytes is complete, its bytes are the recent ones. */
export function endWindow(count: u32): void {
  pushTail(outputNext(), count)
}
