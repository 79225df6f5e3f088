import path from 'node:path'
import {
  ChannelListing,
  type Digest,
  isLongwaveError,
  type Manifest,
  parseDocument,
  staticListingFile,
  subscribeLink,
  totalsOf,
  version,
} from '../../protocol/index.ts'
import { readFileIfPresent, writeFileDurably } from '../../store/durable-files/index.ts'
import { publisherLimits as limits } from '../limits.ts'
import type { StaticRun } from './static-run.ts'

/** The row of one channel, in its own folder. */
const rowFile = 'listing.json'

export interface ListedRelease {
  readonly manifest: Manifest
  readonly channelId: Digest
  readonly rootVersion: number
  /** The channel's URL once it is served, when it is known. */
  readonly url: string | undefined
}

/**
 * Writes the channel's row, and the list of all channels below WWW anew from their rows: so two
 * channels that are published at the same time need no lock for the list that they share.
 */
export async function writeListing(run: StaticRun, listed: ListedRelease): Promise<void> {
  const { site, context } = run
  const { fileSystem, randomness } = context
  await site.writeView(rowFile, `${JSON.stringify(rowOf(listed))}\n`)
  const out = path.dirname(site.directory)
  const channels: ChannelListing[] = []
  const names = (await fileSystem.readdir(out)).map((entry) => entry.name).sort()
  for (const name of names.slice(0, limits.staticChannelsMax)) {
    const row = await readRow(run, path.join(out, name, rowFile))
    if (row !== undefined) channels.push(row)
  }
  const transmitter = listed.url === undefined ? '.' : path.posix.dirname(listed.url)
  const list = Buffer.from(`${JSON.stringify({ transmitter, version, channels }, null, 1)}\n`)
  const how = { mode: 0o644, randomness }
  await writeFileDurably(fileSystem, path.join(out, staticListingFile), list, how)
}

function rowOf({ manifest, channelId, rootVersion, url }: ListedRelease): ChannelListing {
  const { name, title, description, category, schedule, label, kind, release } = manifest
  const { entries, totalBytes } = totalsOf(manifest)
  return {
    name,
    // Relative to the list where the address is not known, and then nobody can make a link of it.
    url: url ?? name,
    channel: channelId,
    link: url === undefined ? '' : subscribeLink(url, channelId, rootVersion),
    release,
    ...(label === undefined ? {} : { label }),
    published: manifest.published,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    kind,
    ...(category === undefined ? {} : { category }),
    ...(schedule === undefined ? {} : { schedule }),
    entries,
    totalBytes,
    state: 'active',
  }
}

/** Undefined for what is no channel, or none of ours: whatever else a web server serves. */
async function readRow({ context }: StaticRun, file: string): Promise<ChannelListing | undefined> {
  try {
    const bytes = await readFileIfPresent(context.fileSystem, file, {
      bytesMax: limits.stateBytesMax,
    })
    return bytes === undefined ? undefined : parseDocument(ChannelListing, bytes)
  } catch (error) {
    if (isLongwaveError(error)) return undefined
    throw error
  }
}
