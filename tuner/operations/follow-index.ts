import type { TunerContext } from '../context.ts'
import { FolderState } from '../folders/index.ts'
import { GenerationStore } from '../generations/index.ts'
import {
  askIndex,
  type IndexAnswer,
  type IndexContent,
  indexTransport,
  loadIndexState,
} from '../indexes/index.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** What lies here of a channel. */
async function heldOf(context: TunerContext, subscription: Subscription) {
  const { fs, subscriptions } = context
  const directory = subscriptions.directoryOf(subscription.id)
  return subscription.into === undefined
    ? new GenerationStore({ fs, directory }).usableCurrent()
    : new FolderState({ fs, directory }).held()
}

/** Asks for the index of an unsigned subscription. @throws LW_TUNER_INDEX, transfer errors */
export async function followIndex(
  context: TunerContext,
  subscription: Subscription,
  options: { readonly signal?: AbortSignal },
): Promise<IndexAnswer> {
  const { fs, transport, clock, subscriptions } = context
  return askIndex({
    ...options,
    fs,
    transport,
    clock,
    subscription,
    directory: subscriptions.directoryOf(subscription.id),
    held: await heldOf(context, subscription),
  })
}

/** Where the files of an unsigned subscription are fetched from: those that lie here, or given. */
export function indexRoute(
  context: TunerContext,
  subscription: Subscription,
  given?: IndexContent,
) {
  const load = async (): Promise<IndexContent | undefined> => {
    if (given !== undefined) return given
    const directory = context.subscriptions.directoryOf(subscription.id)
    const state = await loadIndexState(context.fs, directory)
    const held = await heldOf(context, subscription)
    if (state === undefined || held === undefined) return undefined
    return { base: state.base, manifest: held.manifest }
  }
  const { url } = subscription
  return { sources: [url], transport: indexTransport(context.transport, url, load) }
}
