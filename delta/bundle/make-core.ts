import { digestOf } from '../../protocol/index.ts'
import { chooseViews } from './choose-views.ts'
import { attributesOf, type BundleHead } from './bundle-head.ts'
import type { KnownArchive } from './build-file.ts'
import { type BulkPart, encodeHeader, shortId } from './container.ts'
import { knownArchive } from './known-archive.ts'
import type { PackedBulk } from './pack-bulk.ts'
import type { PoolLayout } from '../planning/pool-layout.ts'
import { planRelease } from './plan-release.ts'
import { type Effort, type MakeNotes, makeStreams } from './make-streams.ts'

export interface CoreInput {
  readonly oldManifest: Uint8Array
  readonly newManifest: Uint8Array
  /** All base objects, then all built objects, in the order of the plan. */
  readonly pool: Uint8Array
  readonly effort: Effort
}

export interface MadeBundle {
  /** The bundle in pieces, in order. */
  readonly pieces: readonly Uint8Array[]
  readonly notes: MakeNotes
  /** Archives that were rebuilt from their views already. */
  readonly known: (index: number) => KnownArchive | undefined
}

/** Makes a bundle from bytes in memory; takes its time, so it runs in a worker. */
export function makeCore(input: CoreInput): MadeBundle {
  const { oldManifest, newManifest, effort } = input
  const { old, next: manifest, script, plan } = planRelease(oldManifest, newManifest)
  const head: BundleHead = {
    attributes: attributesOf(manifest),
    script,
    extras: [],
  }
  const views = chooseViews(plan, input.pool)
  const { layout, pool } = views
  const streams = makeStreams({ old, head, plan, choice: views.choice, layout, pool, effort })
  const header = encodeHeader({
    oldManifest: shortId(digestOf(oldManifest)),
    bulk: {
      literals: partOf(streams.literals),
      differences: partOf(streams.differences),
      counts: partOf(streams.counts),
    },
  })
  const { literals, differences, counts, core, notes } = streams
  const pieces = [header, literals.bytes, differences.bytes, counts.bytes, core]
  return { pieces, notes, known: knownArchives(layout, pool, input.pool, plan.baseBytes) }
}

function partOf({ method, bytes }: PackedBulk): BulkPart {
  return { method, bytes: bytes.length }
}

/**
 * The archives among the built files: `packed` has them as they are, `pool` their views, and the
 * one was rebuilt from the other when the view was made.
 */
function knownArchives(
  { files }: PoolLayout,
  pool: Uint8Array,
  packed: Uint8Array,
  baseBytes: number,
): MadeBundle['known'] {
  const archives = new Map<number, KnownArchive>()
  const byIndex = [...files].sort((a, b) => a.index - b.index)
  let at = baseBytes
  for (const { index, recipe, position, formBytes, object } of byIndex) {
    const bytes = packed.subarray(at, at + object.size)
    at += object.size
    if (recipe === undefined) continue
    archives.set(index, knownArchive(pool.subarray(position, position + formBytes), bytes))
  }
  return (index) => archives.get(index)
}
