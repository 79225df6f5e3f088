import { type Digest, digestOf, totalsOf } from '../../protocol/index.ts'
import { memoryObjectSource } from '../objects/object-source.ts'
import { applyBundle, type ExpectedRelease } from './apply-bundle.ts'
import type { KnownArchive, Staging } from './build-file.ts'
import { readHeldManifest } from './bundle-head.ts'
import type { BundleInput } from './bundle-file.ts'
import type { BuildPlan } from '../planning/build-plan.ts'
import { planRelease } from './plan-release.ts'

/** The figures that a release's signed metadata repeats from its manifest. */
export function expectationOf(manifest: Uint8Array): ExpectedRelease {
  return {
    manifestSha256: digestOf(manifest),
    manifestBytes: manifest.length,
    ...totalsOf(readHeldManifest(manifest)),
  }
}

/** Applies a bundle to bytes in memory and throws unless the new manifest comes out. */
export async function proveBundle(options: {
  readonly bundle: BundleInput
  readonly oldManifest: Uint8Array
  readonly newManifest: Uint8Array
  /** The concatenated base objects, then all built objects. */
  readonly base: Uint8Array
  readonly known?: (index: number) => KnownArchive | undefined
}): Promise<void> {
  const { bundle, oldManifest, newManifest, base, known } = options
  const { old, plan } = planRelease(oldManifest, newManifest)
  const objects = new Map<Digest, Uint8Array>()
  for (const { number, position, size } of plan.base) {
    objects.set(old.objects.digests[number] as Digest, base.subarray(position, position + size))
  }
  await applyBundle({
    bundle,
    oldManifest,
    source: memoryObjectSource(objects),
    staging: poolStaging(plan, base),
    expect: expectationOf(newManifest),
    known,
  })
}

/** Writes nowhere; reading back gives what should have been written, the digests tell whether it was. */
function poolStaging(plan: BuildPlan, pool: Uint8Array): Staging {
  const starts: number[] = []
  let end = plan.baseBytes
  for (const { size } of plan.built) {
    starts.push(end)
    end += size
  }
  return {
    create: async () => ({ write: async () => {}, close: async () => {} }),
    async open(index) {
      const position = starts[index] as number
      const size = plan.built[index]?.size ?? 0
      return {
        size,
        async read(at, into) {
          const part = pool.subarray(position + at, position + Math.min(size, at + into.length))
          into.set(part)
          return part.length
        },
        async close() {},
      }
    },
  }
}
