import { type Digest, digestOf } from '../../protocol/index.ts'
import { planBuild } from '../planning/build-plan.ts'
import { makeScript } from '../planning/script.ts'
import { chooseViews } from './choose-views.ts'
import { attributesOf, type BundleHead, readHeldManifest, readOldRelease } from './bundle-head.ts'
import { encodeHeader, shortId } from './container.ts'
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
}

/** The script and the plan that both follow from the two manifests. */
export function planRelease(oldManifest: Uint8Array, newManifest: Uint8Array) {
  const old = readOldRelease(oldManifest)
  const next = readHeldManifest(newManifest)
  const script = makeScript(old.entries, next.entries, old.objects)
  const plan = planBuild(old.entries, old.objects, script, [])
  const digestAt = new Map<string, Digest>()
  for (const entry of next.entries) {
    if (entry.type === 'file') digestAt.set(entry.path, entry.sha256)
  }
  return { old, next, script, plan, digestAt }
}

export type PlannedRelease = ReturnType<typeof planRelease>

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
    bulkMethod: streams.bulkMethod,
    bulkBytes: streams.bulk.length,
  })
  return { pieces: [header, streams.bulk, streams.core], notes: streams.notes }
}
