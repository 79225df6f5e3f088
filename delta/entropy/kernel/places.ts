import { codeCell } from './adaptive-bits'
import { allocate } from './memory'
import { codeNumber, codeSigned, numberBytes } from './numbers'
import { copyBeyondFile, copyOutsideBase, literalsBeyondFile, stop } from './outside'

/*
 * Operations of docs/formats/bundle.md, 8. A place is said as: the literals replaced as many old bytes; they were
 * inserted; the distance between old and new is one of the last four; or a signed step.
 */

const kinds: u32 = 7
const visitsMost: u32 = 250

let literalCounts: usize = 0
let copyCounts: usize = 0
let steps: usize = 0
let kindBits: usize = 0
/** How the last place was said. */
let lastKind: u32 = 0
/** Copies of the file come from before. */
let limit: i64 = 0
/** The last distances between old and new, the latest first. */
let recent0: i64 = 0
let recent1: i64 = 0
let recent2: i64 = 0
let recent3: i64 = 0

export function createPlaces(): void {
  literalCounts = allocate(numberBytes(4))
  copyCounts = allocate(numberBytes(4))
  steps = allocate(numberBytes(2))
  kindBits = allocate(kinds * kinds * 4)
}

/** A file begins whose predecessor, if any, lies at `start`; copies come from before `most`. */
export function beginPlaces(start: i64, most: i64): void {
  limit = most
  recent0 = recent1 = recent2 = recent3 = start
  lastKind = 0
}

@inline
export function lastKindOfPlace(): u32 {
  return lastKind
}

@inline
export function placeLimit(): i64 {
  return limit
}

export function codeLiteralCount(wanted: i64, left: i64): i64 {
  const count = <i64>codeNumber(literalCounts, min<u32>(3, lastKind), wanted, visitsMost)
  if (count > left) stop(literalsBeyondFile)
  return count
}

/** The bytes of an inexact copy; zero stands for all that is left of the file. */
export function codeCopyCount(wanted: i64, left: i64): i64 {
  const said = wanted == left ? 0 : wanted
  const coded = <i64>codeNumber(copyCounts, min<u32>(3, lastKind), said, visitsMost)
  const count = coded == 0 ? left : coded
  if (count > left) stop(copyBeyondFile)
  return count
}

/**
 * Codes the place of the next copy. `end` is where the last copy ended in the pool, `literals` how
 * many bytes came since, `at` how far the file is.
 */
export function codePlace(wanted: i64, end: i64, literals: i64, at: i64): i64 {
  const kind = codeKind(kindOf(wanted, end, literals, wanted - at))
  let place: i64
  if (kind == 0) place = end + literals
  else if (kind == 1) place = end
  else if (kind == 2) {
    const near = end + literals
    place = near + codeSigned(steps, u32(literals > 0), wanted - near, visitsMost)
  } else if (kind == 3) place = recent0 + at
  else if (kind == 4) place = recent1 + at
  else if (kind == 5) place = recent2 + at
  else place = recent3 + at
  if (place < 0 || place >= limit) stop(copyOutsideBase)
  lastKind = kind
  remember(place - at)
  return place
}

function kindOf(wanted: i64, end: i64, literals: i64, distance: i64): u32 {
  if (wanted == end + literals) return 0
  if (wanted == end) return 1
  if (distance == recent0) return 3
  if (distance == recent1) return 4
  if (distance == recent2) return 5
  if (distance == recent3) return 6
  return 2
}

function codeKind(wanted: u32): u32 {
  const cells = kindBits + ((lastKind * kinds) << 2)
  for (let kind: u32 = 0; kind < kinds - 1; kind++) {
    if (codeCell(cells + (kind << 2), u32(wanted == kind), visitsMost)) return kind
  }
  return kinds - 1
}

/** Moves a distance to the front; the last one falls out when it was not among them. */
function remember(distance: i64): void {
  if (distance == recent0) return
  if (distance != recent1) {
    if (distance != recent2) recent3 = recent2
    recent2 = recent1
  }
  recent1 = recent0
  recent0 = distance
}
