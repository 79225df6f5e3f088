import { memorySource, OldEntries, unpackArchive, unpackForBase } from '../archives/index.ts'
import type { BuildPlan } from '../planning/build-plan.ts'
import { layOutPool, type NewView, type OldView, type PoolLayout } from '../planning/pool-layout.ts'
import { noViews, type ViewChoice } from './view-coder.ts'

interface Views {
  readonly choice: ViewChoice
  readonly layout: PoolLayout
  /** The pool with all views; the one given when there are none. */
  readonly pool: Uint8Array
}

/** Unpacks the archives among the base and the built objects; `packed` holds both as they are. */
export function chooseViews(plan: BuildPlan, packed: Uint8Array): Views {
  const next: (NewView & { readonly view: Uint8Array })[] = []
  let known: OldEntries | undefined
  let at = plan.baseBytes
  for (const [index, { size }] of plan.built.entries()) {
    const bytes = packed.subarray(at, at + size)
    at += size
    if (!mayBeArchive(bytes)) continue
    known ??= oldEntries(plan, packed)
    const unpacked = unpackArchive(bytes, {}, known)
    if (unpacked === undefined || unpacked.unpackedStreams === 0) continue
    const { view, recipe } = unpacked
    next.push({ index, viewBytes: view.length, recipe, view })
  }
  if (next.length === 0) return { choice: noViews, layout: layOutPool(plan, [], []), pool: packed }
  const old: (OldView & ViewInPieces)[] = []
  for (const [index, { position, size }] of plan.base.entries()) {
    const bytes = packed.subarray(position, position + size)
    const view = mayBeArchive(bytes) ? viewOf(bytes) : undefined
    if (view !== undefined) old.push({ index, ...view })
  }
  const layout = layOutPool(plan, old, next)
  const pool = assemble(plan, layout, packed, { old, next })
  const choice = { old: old.map(({ index }) => index), next }
  return { choice, layout, pool }
}

function oldEntries(plan: BuildPlan, packed: Uint8Array): OldEntries {
  const entries = new OldEntries()
  for (const { position, size } of plan.base) {
    const bytes = packed.subarray(position, position + size)
    if (mayBeArchive(bytes)) entries.add(bytes)
  }
  return entries
}

function mayBeArchive(bytes: Uint8Array): boolean {
  const start = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  return start === 0x504b || start === 0x1f8b
}

interface ViewInPieces {
  readonly pieces: Uint8Array[]
  readonly viewBytes: number
}

function viewOf(bytes: Uint8Array): ViewInPieces | undefined {
  const pieces: Uint8Array[] = []
  const made = unpackForBase(memorySource(bytes), (piece) => pieces.push(piece))
  return made === undefined ? undefined : { pieces, viewBytes: made.viewBytes }
}

const noBytes = new Uint8Array(0)

function assemble(
  plan: BuildPlan,
  layout: PoolLayout,
  packed: Uint8Array,
  views: {
    readonly old: readonly ViewInPieces[]
    readonly next: readonly { readonly index: number; readonly view: Uint8Array }[]
  },
): Uint8Array {
  const pool = new Uint8Array(layout.bytes)
  pool.set(packed.subarray(0, plan.baseBytes))
  for (const [i, { position }] of layout.oldViews.entries()) {
    // Taken away, so that they are not held twice.
    const pieces = views.old[i]?.pieces ?? []
    let at = position
    for (let j = 0; j < pieces.length; j++) {
      const piece = pieces[j] as Uint8Array
      pool.set(piece, at)
      at += piece.length
      pieces[j] = noBytes
    }
  }
  const starts: number[] = []
  let at = plan.baseBytes
  for (const { size } of plan.built) {
    starts.push(at)
    at += size
  }
  const viewAt = new Map(views.next.map(({ index, view }) => [index, view]))
  for (const { index, position, object } of layout.files) {
    const start = starts[index] as number
    pool.set(viewAt.get(index) ?? packed.subarray(start, start + object.size), position)
  }
  return pool
}
