import { History, historyBits } from './history'
import { codeLightByte, lightModelBytes } from './light-model'
import { allocate } from './memory'
import { codeNumber, numberBytes } from './numbers'
import { runBeyondCopy, stop } from './outside'
import { isDecoding } from './range-coder'

/*
 * Differences of docs/formats/bundle.md, 8: how many bytes are as in the old object, then the differences until one
 * is zero again, and so on.
 */

const visitsMost: u32 = 250

let runs: usize = 0
let model: usize = 0
let bits: u32 = 0
let history: History = changetype<History>(0)
/** What is left of a run of zeros; -1 when none is said. */
let run: i64 = -1
/** The number of the next byte since the run, 0 within runs. */
let burst: u32 = 0
let context: u32 = 0
/** The last four differences that were coded as bytes. */
let trail: u32 = 0
/** The old byte before the next one. */
let prior: u32 = 0

export function createDifferences(modelBits: u32): void {
  bits = modelBits
  runs = allocate(numberBytes(16))
  model = allocate(lightModelBytes(bits))
  history = History.create(historyBits(bits))
}

/**
 * Codes `count` differences at `at` of a copy that has `left` left, these included. `old` holds the
 * old bytes. A decoder adds what it reads; an encoder says how many zeros follow `beyond` these.
 */
export function codeDifferences(old: usize, at: usize, count: u32, left: i64, beyond: i64): void {
  let i: u32 = 0
  while (i < count) {
    if (burst == 0) {
      if (run < 0) beginRun(at + i, count - i, left - i, beyond)
      const take = <u32>min<i64>(run, count - i)
      i += take
      if (take > 0) prior = load<u8>(old + i - 1)
      run -= take
      if (run > 0) return
      run = -1
      if (i == left) return
      burst = 1
      if (i == count) return
    }
    const difference = codeDifference(at + i, load<u8>(old + i))
    i++
    burst = difference == 0 && burst > 1 ? 0 : burst + 1
    if (i == left) burst = 0
  }
}

function beginRun(at: usize, count: u32, left: i64, beyond: i64): void {
  const zeros = isDecoding() ? 0 : zerosFrom(at, count, beyond)
  run = <i64>codeNumber(runs, context, zeros, visitsMost)
  context = <u32>min<i64>(15, 64 - clz(run))
  if (run > left) stop(runBeyondCopy)
}

function zerosFrom(at: usize, count: u32, beyond: i64): i64 {
  let i: u32 = 0
  while (i < count && load<u8>(at + i) == 0) i++
  return i < count ? i : <i64>count + beyond
}

/** A function of its own: an engine compiles it well after some calls, in the middle of a copy. */
function codeDifference(at: usize, before: u32): u32 {
  const place = min<u32>(7, burst)
  const beside = (place << 16) | (before << 8)
  const coded = codeLightByte(
    model,
    bits,
    (place << 24) | (trail & 0xffffff),
    beside | (trail & 0xff),
    beside | prior,
    history.guess(trail),
    history.confidence,
    place,
    load<u8>(at),
  )
  if (isDecoding()) store<u8>(at, load<u8>(at) + coded)
  history.update(trail, coded)
  trail = (trail << 8) | coded
  prior = before
  return coded
}
