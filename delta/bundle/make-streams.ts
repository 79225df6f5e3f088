import { BinaryEncoder } from '../entropy/binary-encoder.ts'
import type { Effort } from '../matching/effort.ts'
import { FileMatcher, type FileMatch } from '../matching/file-matcher.ts'
import type { PoolPart } from '../matching/pool-part.ts'
import type { BuildPlan } from '../planning/build-plan.ts'
import type { PoolLayout } from '../planning/pool-layout.ts'
import { BulkDifferencesSink } from './bulk-differences.ts'
import { type BundleHead, codeHead, type OldRelease } from './bundle-head.ts'
import { chooseCodings } from './choose-codings.ts'
import { copiesPay, withoutCopies } from './worthless-copies.ts'
import { prepareCopies } from './encode-copy.ts'
import { type BulkSink, encodeFile, type FileToEncode } from './file-encoder.ts'
import { FileModels, type Tally } from './file-models.ts'
import { chooseSizes, codeSettings, type ModelSettings, primerAt } from './model-settings.ts'
import { packBulk, type PackedBulk } from './pack-bulk.ts'
import { primeLiterals } from './prime-literals.ts'
import { codeViews, type ViewChoice } from './view-coder.ts'

export type { Effort }

/** What a making chose and what it took. */
export type MakeNotes = Readonly<Record<string, number>>

export interface MadeStreams {
  readonly core: Uint8Array
  readonly literals: PackedBulk
  readonly differences: PackedBulk
  readonly counts: PackedBulk
  readonly notes: MakeNotes
}

export interface StreamInput {
  readonly old: OldRelease
  readonly head: BundleHead
  readonly plan: BuildPlan
  readonly choice: ViewChoice
  readonly layout: PoolLayout
  /** All bytes of the layout. */
  readonly pool: Uint8Array
  readonly effort: Effort
}

/** What a maker is bound by: nothing, the signed figures bind the other side. */
export const unlimited = {
  entries: Number.MAX_SAFE_INTEGER,
  totalBytes: Number.MAX_SAFE_INTEGER,
  largestFileBytes: Number.MAX_SAFE_INTEGER,
  manifestBytes: Number.MAX_SAFE_INTEGER,
}

interface MatchedFile extends FileToEncode {
  readonly literals: number
  /** Bytes that inexact copies change, about. */
  readonly differing: number
}

export function makeStreams(input: StreamInput): MadeStreams {
  const { plan, pool } = input
  const started = performance.now()
  const files = matchFiles(input)
  const matched = performance.now()
  const coded = chooseCodings(files, pool, input.effort)
  const { core, tally, bulk } = encodeWorthwhile(input, coded)
  const coderEnded = performance.now()
  const bulkBytes = bulk.literals.reduce((sum, piece) => sum + piece.length, 0)
  const literals = packBulk(bulk.literals, input.effort, bulkBytes / layoutBytes(input))
  const differences = packBulk(bulk.differences.bytes, input.effort)
  const counts = packBulk([Uint8Array.from(bulk.differences.counts)], input.effort)
  const notes = {
    ...tally.bytes,
    bulk: literals.bytes.length,
    bulkDifferences: differences.bytes.length,
    bulkCounts: counts.bytes.length,
    operations: files.reduce((sum, file) => sum + file.operations.length / 3, 0),
    literalBytes: files.reduce((sum, file) => sum + file.literals, 0),
    differingBytes: files.reduce((sum, file) => sum + file.differing, 0),
    builtBytes: plan.builtBytes,
    matchMs: Math.round(matched - started),
    codeMs: Math.round(coderEnded - matched),
    packMs: Math.round(performance.now() - coderEnded),
  }
  return { core, literals, differences, counts, notes }
}

/** New bytes without any old ones from which on they go to the bulk stream unmatched. */
const unmatchedBytesMin = 1 << 19

/** A first release: the bulk codec finds what its files have in common at fifty times the speed. */
function withoutMatching({ layout, pool }: StreamInput): MatchedFile[] {
  const operations = new Int32Array(0)
  const coding = { copies: 'inexact', literals: 'bulk', differences: 'modelled' } as const
  return layout.files.map(({ position: start, formBytes: literals, predecessor, limit }) => {
    return {
      pool,
      limit,
      start,
      end: start + literals,
      predecessor,
      operations,
      coding,
      literals,
      differing: 0,
    }
  })
}

function matchFiles(input: StreamInput): MatchedFile[] {
  const { plan, layout, pool, effort } = input
  if (layout.oldBytes === 0 && layout.bytes >= unmatchedBytesMin) return withoutMatching(input)
  const matcher = new FileMatcher(pool, layout.oldBytes, { effort, parts: partsOf(layout) })
  const sizes = new Map<number, number>()
  for (const { position, size } of plan.base) sizes.set(position, size)
  const toMatch = layout.files.map(({ position: start, formBytes, predecessor, limit }) => {
    const predecessorBytes = sizes.get(predecessor) ?? 0
    return { start, end: start + formBytes, predecessor, limit, predecessorBytes }
  })
  const matches = matcher.match(toMatch)
  return toMatch.map(({ start, end, predecessor, limit }, i) => {
    const { operations, coding, references } = matches[i] as FileMatch
    let literals = end - start
    for (let j = 2; j < operations.length; j += 3) literals -= operations[j] as number
    const file = { pool, limit, start, end, predecessor, operations, coding, references, literals }
    return { ...file, differing: differingBytes(file) }
  })
}

function partsOf({ base, oldViews, files }: PoolLayout): PoolPart[] {
  const viewed = new Set(oldViews.map(({ index }) => index))
  return [
    ...base.map(({ position, size }, i) => ({ position, size, coarse: viewed.has(i) })),
    ...oldViews.map(({ position, viewBytes }) => ({ position, size: viewBytes })),
    ...files.map(({ position, formBytes }) => ({ position, size: formBytes })),
  ]
}

/** Bytes of all forms that are built. */
function layoutBytes({ layout }: StreamInput): number {
  return layout.files.reduce((sum, { formBytes }) => sum + formBytes, 0)
}

/** Encodes all files, and again when copies turn out to cost more than they spare. */
function encodeWorthwhile(input: StreamInput, files: readonly MatchedFile[]): EncodedFiles {
  const encoded = encodeFiles(input, files)
  const worthwhile = files.map((file, i) => {
    return copiesPay(file, encoded.coreBytes[i] as number) ? file : withoutCopies(file)
  })
  return worthwhile.every((file, i) => file === files[i]) ? encoded : encodeFiles(input, worthwhile)
}

interface EncodedFiles {
  readonly core: Uint8Array
  readonly tally: Tally
  /** Bytes of the core that each file took. */
  readonly coreBytes: readonly number[]
  readonly bulk: BulkSink
}

function encodeFiles(input: StreamInput, files: readonly MatchedFile[]): EncodedFiles {
  const bulk: BulkSink = { literals: [], differences: new BulkDifferencesSink() }
  const { old, head, plan, choice, layout, pool } = input
  const coder = new BinaryEncoder()
  codeHead(coder, old, unlimited, head)
  codeViews(coder, plan, choice)
  const settings = chooseSettings(files, layout.oldBytes)
  codeSettings(coder, settings, layout.oldBytes)
  const models = new FileModels(coder, settings.sizes)
  prepareCopies(coder.kernel)
  models.tally.add('head', coder)
  const { position, bytes } = settings.primer
  primeLiterals(coder.kernel, pool.subarray(position, position + bytes))
  const coreBytes = files.map((file) => {
    const before = coder.bytesCoded
    encodeFile(coder, models, file, bulk)
    return coder.bytesCoded - before
  })
  return { core: coder.finish(), tally: models.tally, coreBytes, bulk }
}

function chooseSettings(files: readonly MatchedFile[], baseBytes: number): ModelSettings {
  let literals = 0
  let differences = 0
  let most: MatchedFile | undefined
  for (const file of files) {
    if (file.coding.literals === 'modelled') {
      literals += file.literals
      if (file.literals > (most?.literals ?? 0)) most = file
    }
    if (file.coding.differences === 'modelled') differences += file.differing
  }
  const primer = primerAt(Math.max(0, most?.predecessor ?? 0), literals, baseBytes)
  return { sizes: chooseSizes(literals + primer.bytes, differences), primer }
}

/** Bytes that inexact copies change, about. */
function differingBytes({ pool, start, operations, coding, references }: FileToEncode): number {
  if (coding.copies === 'exact') return 0
  let count = 0
  let at = start
  for (let i = 0; i < operations.length; i += 3) {
    at += operations[i] as number
    const distance = (operations[i + 1] as number) - at
    const end = at + (operations[i + 2] as number)
    for (; at < end; at++) if (pool[at] !== pool[at + distance]) count++
  }
  // Most of what references change is predicted.
  return references === undefined ? count : count / 4
}
