import { stepTable, stretchTable } from './logistic.ts'

/** Sets of mixing weights that the caller of a model chooses from. */
export const mixSets = 16
/** What each weight is at first. */
export const firstWeight = 20000
const weightMax = 0x7ffff
const guessVisitsMax = 1023

/** s of a probability of 12 bits. */
export const cellStretch = makeCellStretch()
/** Steps of a cell after so many visits, in 1/65536. */
const cellSteps = Int32Array.from({ length: 16 }, (_, n) => Math.floor(65536 / (n + 1.5)))

function makeCellStretch(): Int16Array {
  const table = new Int16Array(4096)
  for (let p = 0; p < 4096; p++) table[p] = stretchTable[p << 4] as number
  return table
}

/** A cell (12 bits of probability, 4 bits of visits) after a bit; `target` is 4095 for a one. */
export function nextCell(cell: number, target: number): number {
  const visits = cell & 15
  const p = cell >>> 4
  const next = p + (((target - p) * (cellSteps[visits] as number)) >> 16)
  return (next << 4) | (visits < 15 ? visits + 1 : 15)
}

/** An adaptive cell after a bit, which is given shifted to the left by 22. */
export function moved(cell: number, target: number): number {
  const visits = cell & 1023
  const move = Math.imul((target - (cell >>> 10)) >> 3, stepTable[visits] as number) & 0xfffffc00
  return (cell + move + (visits < guessVisitsMax ? 1 : 0)) | 0
}

/** A weight after an error; `slope` is the input times the error. */
export function nudged(weight: number, slope: number): number {
  const next = weight + ((slope + 8192) >> 14)
  return next > weightMax ? weightMax : next < -weightMax ? -weightMax : next
}
