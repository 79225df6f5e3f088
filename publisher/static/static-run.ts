import path from 'node:path'
import { type ChannelName, parseChannelName } from '../../protocol/index.ts'
import type { AttributeChanges } from '../plan/index.ts'
import type { PublishProgress } from '../publish-summary.ts'
import { channelFolder, type ChannelFolder, type PublisherContext } from '../sign/index.ts'
import { type StaticSite, staticSite } from './static-site.ts'

export interface StaticOptions {
  readonly directory: string
  readonly name: string
  /** The folder that the web server serves; the channel lies in `out/NAME`. */
  readonly out: string
  /** The URL under which `out` will be served, for links. */
  readonly publicUrl?: string | undefined
  readonly label?: string | undefined
  readonly attributes?: AttributeChanges
  readonly ignore?: readonly string[]
  readonly portable?: boolean
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly rereadAll?: boolean
  readonly rolloutSeconds?: number | undefined
  readonly minimum?: number | undefined
  /** How many releases stay whole. */
  readonly keep?: number | undefined
  /** How hard bundles are made; `none` leaves them out. */
  readonly bundles?: 'fast' | 'best' | 'none'
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined
}

/** One act on a static channel. */
export interface StaticRun {
  readonly context: PublisherContext
  readonly name: ChannelName
  readonly site: StaticSite
  readonly folder: ChannelFolder
  readonly startedMs: number
}

export function startRun(
  context: PublisherContext,
  options: Pick<StaticOptions, 'name' | 'out'>,
): StaticRun {
  const { fileSystem, randomness, home, clock } = context
  const name = parseChannelName(options.name)
  const out = path.resolve(options.out)
  const site = staticSite(fileSystem, randomness, out, name)
  const folder = channelFolder(fileSystem, home, name, `static:${site.directory}`)
  return { context, name, site, folder, startedMs: clock.now() }
}
