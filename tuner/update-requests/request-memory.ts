import type { Manifest } from '../../protocol/index.ts'
import type { DeviceRecords, RecordSpace } from '../../store/device-records/index.ts'
import type { TunerContext } from '../context.ts'
import { GenerationStore } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { heldRelease } from '../updates/index.ts'

/** What update requests must know of a subscription without reading its manifest each time. */
export interface HeldExtras {
  /** The release that lies here; 0 before the first fetch. */
  readonly release: number
  readonly manifest: string | null
  /** Whether that release names a plug-in. */
  readonly hasPlugin: boolean
  /** SHA-256 of the reply that lies in `data/`. */
  readonly reply?: string
  /** The overlay that lies over the release. */
  readonly overlay?: {
    /** SHA-256 of its statement. */
    readonly statement: string
    readonly serial: number
    readonly release: number
    /** It takes an earlier one back: no tree is made of it. */
    readonly isEmpty: boolean
  }
  /** The greatest serial that was ever taken: older overlays are refused. */
  readonly serial?: number
}

/** Keeps `HeldExtras` in the tuner's records. */
export class RequestMemory {
  readonly #extras: RecordSpace<HeldExtras>

  constructor(records: DeviceRecords) {
    this.#extras = records.space<HeldExtras>('update-requests')
  }

  find(subscription: string): Promise<HeldExtras | undefined> {
    return this.#extras.get(subscription)
  }

  save(subscription: string, extras: HeldExtras): Promise<void> {
    return this.#extras.put(subscription, extras)
  }

  forget(subscription: string): Promise<void> {
    return this.#extras.delete(subscription)
  }
}

/** The manifest of the release that lies here, with its id. */
export async function heldManifest(
  context: TunerContext,
  subscription: Subscription,
): Promise<{ readonly id: string; readonly manifest: Manifest } | undefined> {
  const directory = context.subscriptions.directoryOf(subscription.id)
  if (subscription.into !== undefined) {
    const held = await heldRelease(context, directory)
    return held === undefined ? undefined : { id: held.held.manifest, manifest: held.manifest }
  }
  // One that cannot be read is none: the update that asks puts another in its place.
  const generation = await new GenerationStore({ fs: context.fs, directory }).usableCurrent()
  if (generation === undefined) return undefined
  return { id: generation.record.manifest, manifest: generation.manifest }
}

/** The extras of what lies here now; the manifest is read only when another release lies here. */
export async function extrasOf(
  context: TunerContext,
  subscription: Subscription,
  release: number,
): Promise<HeldExtras> {
  const known = await context.requests.find(subscription.id)
  if (known?.release === release) return known
  if (release === 0) return { ...known, release: 0, manifest: null, hasPlugin: false }
  const held = await heldManifest(context, subscription)
  return {
    ...known,
    release,
    manifest: held?.id ?? null,
    hasPlugin: held?.manifest.plugin?.module !== undefined,
  }
}
