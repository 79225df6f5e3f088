import { BinaryEncoder } from '../entropy/binary-encoder.ts'
import { type Effort, FileMatcher } from '../matching/file-matcher.ts'
import type { BuildPlan } from '../planning/build-plan.ts'
import type { BulkMethod } from './bulk-reader.ts'
import { type BundleHead, codeHead, type OldRelease } from './bundle-head.ts'
import { encodeFile } from './file-encoder.ts'
import { FileModels, type ModelSizes } from './file-models.ts'

export type { Effort }

/** What a making chose and what it took. */
export type MakeNotes = Readonly<Record<string, number>>

export interface MadeStreams {
  readonly core: Uint8Array
  readonly bulk: Uint8Array
  readonly bulkMethod: BulkMethod
  readonly notes: MakeNotes
}

export interface StreamInput {
  readonly old: OldRelease
  readonly head: BundleHead
  readonly plan: BuildPlan
  /** All base objects, then all built objects in output order. */
  readonly pool: Uint8Array
  readonly effort: Effort
}

const unlimited = {
  entries: Number.MAX_SAFE_INTEGER,
  totalBytes: Number.MAX_SAFE_INTEGER,
  largestFileBytes: Number.MAX_SAFE_INTEGER,
  manifestBytes: Number.MAX_SAFE_INTEGER,
}

export function makeStreams(input: StreamInput): MadeStreams {
  const { old, head, plan, pool } = input
  const coder = new BinaryEncoder()
  codeHead(coder, old, unlimited, head)
  const models = new FileModels(head.sizes)
  models.tally.add('head', coder)
  const started = performance.now()
  const matcher = new FileMatcher(pool, plan.baseBytes, input.effort)
  const starts = new Map(plan.base.map((object) => [object.number, object.position]))
  let matchMs = 0
  let ops = 0
  for (const object of plan.built) {
    const start = object.position
    const end = start + object.size
    const predecessor = starts.get(object.predecessor ?? -1) ?? -1
    const matching = performance.now()
    const { operations, coding } = matcher.match(start, end, predecessor)
    ops += operations.length / 3
    matchMs += performance.now() - matching
    const bulk = (): void => {}
    encodeFile(coder, models, { pool, limit: start, start, end, predecessor, operations, coding, bulk })
  }
  const notes = {
    ...models.tally.bytes,
    operations: ops,
    matchMs: Math.round(matchMs),
    codeMs: Math.round(performance.now() - started - matchMs),
  }
  return { core: coder.finish(), bulk: new Uint8Array(0), bulkMethod: 'stored', notes }
}

/** Sizes of the models for so many bytes of output. */
export function chooseSizes(builtBytes: number): ModelSizes {
  const bits = Math.max(10, Math.ceil(Math.log2(builtBytes / 16 + 1)))
  return { literalBits: Math.min(17, bits), differenceBits: Math.min(16, bits) }
}
