import { ReferenceCoder } from './coder.ts'
import type { Draft } from './draft.ts'
import type { Region } from './layout.ts'
import { referenceLimits } from './limits.ts'
import { coderInput, type PlanInput } from './plan-input.ts'
import { cellCount, mode, type ModeRun } from './side.ts'

const { cellBytes, windowBytes } = referenceLimits
/** What a change of mode costs, in differing bytes. */
const changeCost = 4
/** Bytes without a difference in which a mode that was not tried is charged one. */
const quietBytes = 32

/** Windows of each region that every mode is tried on first. */
const sampledWindows = 4
/** Differing bytes that a mode must spare on them to be tried on the others. */
const sampleGainMin = 24

/** Tries every mode where it may fit and takes the cheapest for each cell. */
export function chooseModes(draft: Draft, input: PlanInput): readonly ModeRun[] {
  const count = cellCount(input.next.length)
  const windows = plannedWindows(draft, input)
  const candidates = candidateModes(draft)
  const trials = {
    count,
    next: input.next,
    coder: new ReferenceCoder(draft.side, coderInput(input)),
  }
  const plain = trial(trials, mode.plain, windows)
  const costs = candidates.map((candidate) => {
    if (candidate.mode === mode.plain) return plain
    const fitting = windows.filter(({ from, to }) => candidate.fits(from, to))
    const promising = promisingRegions(trials, candidate, fitting, plain)
    const taken = fitting.filter(({ region }) => promising.has(region))
    return trial(trials, candidate.mode, taken)
  })
  return runs(cheapest(candidates, costs, count))
}

interface PlannedWindow {
  readonly copyIndex: number
  readonly offset: number
  /** New bytes. */
  readonly from: number
  readonly to: number
  /** Index of the new region that it begins in, -1 outside of all. */
  readonly region: number
  /** Whether it is worth a trial: short ones and those with a differing byte. */
  readonly noisy: boolean
}

function plannedWindows(draft: Draft, input: PlanInput): readonly PlannedWindow[] {
  const { regions } = draft.side.newLayout
  const windows: PlannedWindow[] = []
  for (const [copyIndex, copy] of input.copies.entries()) {
    for (let offset = 0; offset < copy.length; offset += windowBytes) {
      const length = Math.min(windowBytes, copy.length - offset)
      const from = copy.newPosition + offset
      const to = from + length
      const start = copy.oldPosition + offset
      const old = input.old.subarray(start, start + length)
      const noisy = length < cellBytes || Buffer.compare(old, input.next.subarray(from, to)) !== 0
      const region = regions.findIndex(
        ({ position, size }) => position < to && position + size > from,
      )
      windows.push({ copyIndex, offset, from, to, region, noisy })
    }
  }
  return windows
}

/** What all trials share. */
interface Trials {
  readonly coder: ReferenceCoder
  readonly next: Uint8Array
  /** Number of cells. */
  readonly count: number
}

/** What each cell costs in a mode; where it is not tried, as much as all its bytes. */
function trial(
  { coder, next, count }: Trials,
  value: number,
  windows: readonly PlannedWindow[],
): Uint16Array {
  const cost = new Uint16Array(count)
  if (value !== mode.plain) cost.fill(cellBytes)
  for (const { from, to } of windows) clearCells(cost, from, to)
  coder.restart(value)
  for (const { copyIndex, offset, from, to, noisy } of windows) {
    if (!noisy) {
      if (value !== mode.plain) chargeQuiet(cost, from, to)
      continue
    }
    let cell = Math.floor(from / cellBytes)
    for (const differing of coder.differing(copyIndex, offset, next.subarray(from, to))) {
      cost[cell] = (cost[cell] as number) + differing
      cell++
    }
  }
  return cost
}

function clearCells(cost: Uint16Array, from: number, to: number): void {
  cost.fill(0, Math.floor(from / cellBytes), Math.ceil(to / cellBytes))
}

function chargeQuiet(cost: Uint16Array, from: number, to: number): void {
  for (let at = from; at < to; at += cellBytes) {
    const cell = Math.floor(at / cellBytes)
    const bytes = Math.min(to - at, cellBytes)
    cost[cell] = (cost[cell] as number) + Math.ceil(bytes / quietBytes)
  }
}

/** The regions in which a mode spares bytes on a few windows. */
function promisingRegions(
  trials: Trials,
  candidate: Candidate,
  fitting: readonly PlannedWindow[],
  plain: Uint16Array,
): ReadonlySet<number> {
  const byRegion = new Map<number, PlannedWindow[]>()
  for (const window of fitting) {
    if (!window.noisy) continue
    const list = byRegion.get(window.region)
    if (list === undefined) byRegion.set(window.region, [window])
    else list.push(window)
  }
  const promising = new Set<number>()
  const samples: PlannedWindow[] = []
  for (const [region, list] of byRegion) {
    if (list.length <= 2 * sampledWindows) promising.add(region)
    else samples.push(...spread(list))
  }
  const costs = trial(trials, candidate.mode, samples)
  const gains = new Map<number, number>()
  for (const { from, to, region } of samples) {
    for (let cell = Math.floor(from / cellBytes); cell * cellBytes < to; cell++) {
      const gain = (plain[cell] as number) - (costs[cell] as number)
      if (gain > 0) gains.set(region, (gains.get(region) ?? 0) + gain)
    }
  }
  for (const [region, gain] of gains) if (gain >= sampleGainMin) promising.add(region)
  return promising
}

/** A few of many, evenly. */
function spread(windows: readonly PlannedWindow[]): PlannedWindow[] {
  return Array.from({ length: sampledWindows }, (_, i) => {
    const at = Math.floor(((i + 0.5) * windows.length) / sampledWindows)
    return windows[at] as PlannedWindow
  })
}

interface Candidate {
  readonly mode: number
  /** Whether it may fit bytes of the new files. */
  fits(from: number, to: number): boolean
}

function candidateModes({ side, bases, pairs }: Draft): Candidate[] {
  const candidates: Candidate[] = [{ mode: mode.plain, fits: () => true }]
  const some = (wanted: (region: Region) => boolean) => {
    const regions = side.newLayout.regions.filter(wanted)
    return (from: number, to: number) =>
      regions.some(({ position, size }) => position < to && position + size > from)
  }
  const inData = (value: number, image?: number) =>
    candidates.push({
      mode: value,
      fits: some((region) => !region.executable && (image ?? region.image) === region.image),
    })
  const inCode = (value: number, machine: string) => {
    const images = pairs.filter((pair) => pair.machine === machine).map(({ next }) => next)
    if (images.length === 0) return
    candidates.push({
      mode: value,
      fits: some((region) => region.executable && images.includes(region.image)),
    })
  }
  inCode(mode.x86, 'x86')
  inCode(mode.arm64, 'arm64')
  inCode(mode.wasmCode, 'wasm')
  if (pairs.some(({ machine }) => machine === 'wasm')) inData(mode.wasmData)
  if (pairs.some(({ machine }) => machine !== 'wasm')) {
    for (const value of [mode.pointer64, mode.relative32, mode.ehFrame]) inData(value)
  }
  if (pairs.some(({ machine }) => machine === 'x86')) inData(mode.jumpTable)
  if (side.goTables.length > 0) inData(mode.goFunctions)
  for (const [index, base] of bases.entries()) inData(mode.based32 + index, base.image)
  return candidates
}

/** The modes with the least cost in all; found by going through the cells once and back. */
function cheapest(
  candidates: readonly Candidate[],
  costs: readonly Uint16Array[],
  count: number,
): Uint8Array {
  const kinds = candidates.length
  const came = new Uint8Array(count * kinds)
  let best = new Float64Array(kinds)
  for (let cell = 0; cell < count; cell++) {
    const least = leastOf(best)
    const change = (best[least] as number) + changeCost
    const next = new Float64Array(kinds)
    for (let kind = 0; kind < kinds; kind++) {
      const stay = (best[kind] as number) <= change
      came[cell * kinds + kind] = stay ? kind : least
      next[kind] = (stay ? (best[kind] as number) : change) + (costs[kind]?.[cell] as number)
    }
    best = next
  }
  const cells = new Uint8Array(count)
  let kind = leastOf(best)
  for (let cell = count - 1; cell >= 0; cell--) {
    cells[cell] = (candidates[kind] as Candidate).mode
    kind = came[cell * kinds + kind] as number
  }
  return cells
}

function leastOf(values: Float64Array): number {
  let least = 0
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) < (values[least] as number)) least = index
  }
  return least
}

function runs(cells: Uint8Array): ModeRun[] {
  const result: ModeRun[] = []
  let from = 0
  for (let at = 1; at <= cells.length; at++) {
    if (at < cells.length && cells[at] === cells[from]) continue
    result.push({ mode: cells[from] as number, cells: at - from })
    from = at
  }
  return result
}
