import { type Entry, type Json, type Manifest, manifestFormat } from '../../protocol/index.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { deltaError } from '../errors.ts'
import { type Attributes, codeAttributes } from '../planning/attributes-coder.ts'
import { type Edit, listObjects, type ObjectList } from '../planning/script.ts'
import { ScriptCoder, type ScriptLimits } from '../planning/script-coder.ts'

/** The old release as both sides know it. */
export interface OldRelease {
  readonly attributes: Attributes
  readonly entries: readonly Entry[]
  readonly objects: ObjectList
}

/**
 * Reads a manifest that the caller holds as verified: checking it again would take longer than all
 * else when a release has 100,000 entries.
 * @throws LW_DELTA_BASE for what is no manifest at all
 */
export function readHeldManifest(bytes: Uint8Array): Manifest {
  let manifest: Manifest | undefined
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString()) as Manifest
  } catch (cause) {
    throw deltaError('LW_DELTA_BASE', { cause, detail: 'The old manifest is no JSON.' })
  }
  if (manifest?.format !== manifestFormat || !Array.isArray(manifest.entries)) {
    throw deltaError('LW_DELTA_BASE', { detail: `The old manifest is no ${manifestFormat}.` })
  }
  return manifest
}

export function readOldRelease(manifest: Uint8Array): OldRelease {
  const { entries, ...attributes } = readHeldManifest(manifest)
  return { attributes: attributes as unknown as Attributes, entries, objects: listObjects(entries) }
}

export function attributesOf(manifest: Manifest): Attributes {
  const { entries: _, ...attributes } = manifest
  return attributes as unknown as Record<string, Json>
}

/** The first part of the range-coded stream. */
export interface BundleHead {
  readonly attributes: Attributes
  readonly script: readonly Edit[]
  /** Unchanged old objects that are part of the base, too. */
  readonly extras: readonly number[]
}

/** Codes the head in either direction. */
export function codeHead(
  coder: BinaryCoder,
  old: OldRelease,
  limits: ScriptLimits,
  wanted?: BundleHead,
): BundleHead {
  const attributes = codeAttributes(coder, old.attributes, wanted?.attributes)
  const script = new ScriptCoder(coder, old, limits).code(wanted?.script ?? [])
  const extras = codeExtras(coder, old.objects.digests.length, wanted?.extras ?? [])
  return { attributes, script, extras }
}

function codeExtras(coder: BinaryCoder, objects: number, wanted: readonly number[]): number[] {
  const numbers = new NumberModel(coder, 2)
  const count = numbers.code(0, wanted.length)
  const extras: number[] = []
  let last = -1
  for (let i = 0; i < count; i++) {
    last += 1 + numbers.code(1, (wanted[i] ?? 0) - last - 1)
    if (last >= objects) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'An old object that does not exist.' })
    }
    extras.push(last)
  }
  return extras
}
