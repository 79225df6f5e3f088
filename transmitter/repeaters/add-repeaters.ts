import type { TransmitterContext } from '../context.ts'
import { Preparations } from './preparations.ts'
import { addPreparedRoutes } from './prepared-routes.ts'
import { RepeaterNewsDesk } from './repeater-news.ts'
import { addRepeaterRoutes } from './repeater-routes.ts'

/** Adds the origin's side of repeaters: their routes, and the wait for them at a publish. */
export function addRepeaters(context: TransmitterContext): void {
  const news = new RepeaterNewsDesk(context)
  const preparations = new Preparations(context, news)
  context.commitHooks.push(preparations)
  addRepeaterRoutes(context, news)
  addPreparedRoutes(context, preparations)
  const { app } = context.server
  // Polls that are held would hold up a stop.
  app.addHook('preClose', async () => news.stop())
  app.addHook('onClose', () => preparations.stop())
}
