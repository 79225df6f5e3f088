import path from 'node:path'
import type { TunerContext } from '../context.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** The channel's own writable folder. */
export function dataDirectory(context: TunerContext, subscription: Subscription): string {
  return path.join(context.subscriptions.directoryOf(subscription.id), 'data')
}
