import type { TunerContext } from '../context.ts'
import type { Generation, GenerationStore } from '../generations/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { overlayStore } from './lay-overlay.ts'

/**
 * Builds the tree of the overlay that is shown again, because files in it are damaged; the release
 * itself is sound. Meanwhile the release is shown without it. When files must be fetched again it
 * is given up, and the next update request brings it.
 * @returns whether it is there again
 */
export async function healOverlay(
  context: TunerContext,
  subscription: Subscription,
  shown: {
    readonly store: GenerationStore
    readonly generation: Generation
    readonly serial: number
  },
): Promise<boolean> {
  const { store, generation, serial } = shown
  await store.switchTo(generation.name)
  const overlays = overlayStore(context, subscription)
  if (await overlays.rebuild(generation, serial, context.clock.now())) {
    await store.switchTo(generation.name, serial)
    return true
  }
  await overlays.prune((name, other) => name !== generation.name || other !== serial)
  const extras = await context.requests.find(subscription.id)
  if (extras?.overlay !== undefined) {
    const { overlay: _overlay, ...rest } = extras
    await context.requests.save(subscription.id, rest)
  }
  return false
}
