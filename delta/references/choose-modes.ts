import { type CopyOp, ReferenceCoder } from './coder.ts'
import type { Draft } from './draft.ts'
import type { Region } from './layout.ts'
import { referenceLimits } from './limits.ts'
import { coderInput, eachWindow, type PlanInput } from './plan-input.ts'
import { cellCount, mode, type ModeRun } from './side.ts'

const { cellBytes } = referenceLimits
/** What a change of mode costs, in differing bytes. */
const changeCost = 4
/** Bytes without a difference in which a mode that was not tried is charged one. */
const quietBytes = 32

/** Tries every mode where it may fit and takes the cheapest for each cell. */
export function chooseModes(draft: Draft, input: PlanInput): readonly ModeRun[] {
  const count = cellCount(input.next.length)
  const noisy = noisyWindows(input)
  const candidates = candidateModes(draft)
  const costs = candidates.map(({ mode: value, fits }) => {
    const cost = new Uint16Array(count)
    const modes = [{ mode: value, cells: count }]
    const coder = new ReferenceCoder({ ...draft.side, modes }, coderInput(input))
    eachWindow(input, (window) => {
      const { copyIndex, offset, newPosition, block } = window
      if (!fits(newPosition, newPosition + block.length)) {
        block.fill(1)
      } else if (!noisy.has(window.number)) {
        if (value === mode.plain) return
        block.fill(0)
        for (let at = 0; at < block.length; at += quietBytes) block[at] = 1
      } else coder.difference(copyIndex, offset, block)
      countDifferences(cost, newPosition, block)
    })
    return cost
  })
  return runs(cheapest(candidates, costs, count))
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
  for (const value of [mode.pointer64, mode.relative32, mode.ehFrame]) inData(value)
  if (pairs.some(({ machine }) => machine === 'x86')) inData(mode.jumpTable)
  if (side.goTables.length > 0) inData(mode.goFunctions)
  for (const [index, base] of bases.entries()) inData(mode.based32 + index, base.image)
  return candidates
}

/** Numbers of the windows that are worth a trial: short ones and those with a differing byte. */
function noisyWindows(input: PlanInput): ReadonlySet<number> {
  const noisy = new Set<number>()
  eachWindow(input, ({ number, copyIndex, offset, block }) => {
    const from = (input.copies[copyIndex] as CopyOp).oldPosition + offset
    const old = input.old.subarray(from, from + block.length)
    if (block.length < cellBytes || Buffer.compare(old, block) !== 0) noisy.add(number)
  })
  return noisy
}

function countDifferences(cost: Uint16Array, position: number, block: Uint8Array): void {
  for (let at = 0; at < block.length; at++) {
    if (block[at] === 0) continue
    const cell = Math.floor((position + at) / cellBytes)
    cost[cell] = (cost[cell] as number) + 1
  }
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
