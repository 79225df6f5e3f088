import { codeLength, codeWay, leaveMark, walk } from './copy-lengths'
import { advanceFile, fileDone, fileLeft, oldPlace, setOldPlace } from './file-state'
import { beginLiterals, decodeLiterals } from './literal-runs'
import { lack, near, nearAddress } from './old-bytes'
import { copyBytes, outputLeft, outputNext, pushTail, recentBytes } from './output'
import { nothingDone, stop } from './outside'
import { codeLiteralCount, codePlace, lastKindOfPlace, placeLimit } from './places'
import { lacksRoom, ready } from './states'

/* Decodes files of exact copies (docs/formats/bundle.md, 8). */

const stepCount: u32 = 0
const stepLiterals: u32 = 1
const stepLength: u32 = 2
const stepCopy: u32 = 3
const stepWalk: u32 = 4
const stepMark: u32 = 5
const stepEnd: u32 = 6

/** What comes next of the operation. */
let step: u32 = stepCount
/** The file begins with a copy from its predecessor. */
let begins = false
/** Literals of the operation. */
let literals: i64 = 0
/** What is left of a counted copy, and whether it leaves a mark. */
let copyLeft: i64 = 0
let marks = false
/** What was left of the file before the operation. */
let leftBefore: i64 = 0

export function beginExact(): void {
  step = stepCount
  begins = oldPlace() >= 0
}

/** Goes on with the file. */
export function decodeExact(): u32 {
  while (fileLeft() > 0 || step != stepCount) {
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
      leftBefore = fileLeft()
      if (begins) {
        step = stepLength
        return ready
      }
      literals = codeLiteralCount(0, fileLeft())
      beginLiterals(literals)
      step = stepLiterals
    case stepLiterals:
      state = decodeLiterals()
      if (state != ready) return state
      if (fileLeft() == 0) {
        step = stepCount
        return ready
      }
      setOldPlace(codePlace(-1, max<i64>(0, oldPlace()), literals, fileDone()))
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
      if (near(oldPlace()) == 0) return lack(oldPlace())
      leaveMark(recentBytes(), load<u8>(nearAddress(oldPlace())))
    default:
      // Operations that do nothing could go on for ever at next to no bytes.
      if (!begins && fileLeft() == leftBefore) stop(nothingDone)
      begins = false
      step = stepCount
      return ready
  }
}

/** The bytes that a copy may have. */
@inline
function copyMost(): i64 {
  return min(fileLeft(), placeLimit() - oldPlace())
}

function beginCopy(): void {
  const most = copyMost()
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
    const take = <u32>min(min<i64>(copyLeft, room), near(oldPlace()))
    if (take == 0) return lack(oldPlace())
    copyBytes(outputNext(), nearAddress(oldPlace()), take)
    copied(take)
    copyLeft -= take
  }
  return ready
}

function decodeWalk(): u32 {
  for (let walking = true; walking && copyMost() > 0; ) {
    const room = outputLeft()
    if (room == 0) return lacksRoom
    const count = <u32>min(min<i64>(copyMost(), room), near(oldPlace()))
    if (count == 0) return lack(oldPlace())
    const walked = walk(recentBytes(), nearAddress(oldPlace()), outputNext(), count, u32.MAX_VALUE)
    copied(walked)
    walking = walked == count
  }
  return ready
}

/** So many old bytes were written at `outputNext`. */
@inline
function copied(count: u32): void {
  pushTail(outputNext() + count, count)
  advanceFile(count)
  setOldPlace(oldPlace() + count)
}
