import {
  canonicalJson,
  comparePaths,
  type Digest,
  digestOf,
  encodeManifest,
  type Entry,
  type Json,
  type Manifest,
  manifestFormat,
  totalsOf,
} from '../../protocol/index.ts'
import {
  type DrpFile,
  drpIndexMime,
  type DrpIndex,
  parseDrpIndex,
} from '../../protocol/drp/index.ts'
import { type FileSystem, inParallel } from '../../store/durable-files/index.ts'
import type { Transport } from '../../transport/index.ts'
import type { ReleaseTarget } from '../../trust/index.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'
import type { IndexContent } from './index-content.ts'
import { type IndexState, loadIndexState, saveIndexState } from './index-state.ts'
import { indexLimits as limits } from './limits.ts'

export interface AskIndexOptions {
  readonly fs: FileSystem
  readonly transport: Transport
  readonly clock: { now(): number }
  readonly subscription: Subscription
  /** Where the tuner keeps the subscription's state. */
  readonly directory: string
  /** What lies here. */
  readonly held: { readonly manifest: Manifest; readonly manifestBytes: Uint8Array } | undefined
  readonly signal?: AbortSignal
}

/** What an index says now, in the words of a signed head: every digest in it is only the server's. */
export interface IndexAnswer {
  readonly head: ReleaseTarget
  readonly content: IndexContent
  readonly manifestBytes: Uint8Array
  readonly etag: string | undefined
  readonly receivedBytes: number
}

/**
 * Asks a web server for a bare DRP index (docs/formats/drp.md). What it lists becomes a release of
 * the tuner's own counting: the same content keeps its number.
 * @throws LW_TUNER_INDEX, LW_DRP_INDEX, transfer errors
 */
export async function askIndex(options: AskIndexOptions): Promise<IndexAnswer> {
  const { fs, directory, held } = options
  const known = await loadIndexState(fs, directory)
  const isHeld = known !== undefined && held?.manifest.release === known.release
  const answer = await fetchIndex(options, isHeld ? known.etag : undefined)
  if (answer === 'not-modified' && isHeld && held !== undefined) {
    const content = { base: known.base, manifest: held.manifest }
    return answerOf(content, held.manifestBytes, { etag: known.etag, receivedBytes: 0 })
  }
  if (answer === 'not-modified') throw notAnIndex('It answered 304 unasked.')
  const entries = await entriesOf(options, answer.index)
  const digest = digestOf(canonicalJson(entries as unknown as Json))
  const state: IndexState = {
    ...(known?.entries === digest
      ? { release: known.release, published: known.published }
      : { release: (known?.release ?? 0) + 1, published: timeText(options.clock.now()) }),
    entries: digest,
    base: answer.index.base,
    ...(answer.etag === undefined ? {} : { etag: answer.etag }),
  }
  // Before anything of it lies here: a crash must not make another release of the same content.
  if (JSON.stringify(state) !== JSON.stringify(known)) await saveIndexState(fs, directory, state)
  const manifest = manifestOf(options.subscription, state, entries)
  const { etag, receivedBytes } = answer
  return answerOf({ base: state.base, manifest }, encodeManifest(manifest), { etag, receivedBytes })
}

function answerOf(
  content: IndexContent,
  manifestBytes: Uint8Array,
  rest: Pick<IndexAnswer, 'etag' | 'receivedBytes'>,
): IndexAnswer {
  const head: ReleaseTarget = {
    sha256: digestOf(manifestBytes),
    bytes: manifestBytes.byteLength,
    release: content.manifest.release,
    ...totalsOf(content.manifest),
  }
  return { head, content, manifestBytes, ...rest }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

function notAnIndex(detail: string, members: Record<string, unknown> = {}): Error {
  return tunerError('LW_TUNER_INDEX', {
    detail,
    untouched: 'What lies here stays.',
    members,
  })
}

async function fetchIndex(
  options: AskIndexOptions,
  etag: string | undefined,
): Promise<
  | { readonly index: DrpIndex; readonly etag: string | undefined; readonly receivedBytes: number }
  | 'not-modified'
> {
  const { url } = options.subscription
  const answer = await options.transport.fetchBytes(url, {
    headers: {
      accept: `${drpIndexMime}, text/xml;q=0.9, */*;q=0.1`,
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
    },
    bytesMax: limits.indexBytesMax,
    acceptStatus: [304, 404, 410],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  if (answer.status === 304) return 'not-modified'
  if (answer.status !== 200) throw notAnIndex(`${url} answered ${answer.status}.`)
  const index = parseDrpIndex(answer.bytes, {
    url,
    names: process.platform === 'win32' ? 'portable' : 'any',
    bytesMax: limits.indexBytesMax,
    entriesMax: limits.entriesMax,
  })
  const tag = answer.headers['etag']
  const receivedBytes = answer.bytes.byteLength
  return { index, etag: typeof tag === 'string' ? tag : undefined, receivedBytes }
}

/** What the index lists, as a manifest writes it. @throws LW_TUNER_INDEX */
async function entriesOf(options: AskIndexOptions, index: DrpIndex): Promise<readonly Entry[]> {
  const entries: Entry[] = index.emptyDirectories.map((path) => ({ type: 'directory', path }))
  await inParallel(index.files, limits.concurrentSizes, async (file) => {
    entries.push({
      type: 'file',
      path: file.path,
      size: file.size ?? (await askSize(options, file)),
      sha256: digestOfFile(file),
      mode: '0644',
      mime: /^[\w.+-]+\/[\w.+-]+$/.test(file.mime ?? '')
        ? (file.mime ?? '').toLowerCase()
        : 'application/octet-stream',
    })
  })
  return entries.sort((a, b) => comparePaths(a.path, b.path))
}

/** MD5 and SHA-1 vouch for nothing that is installed. */
function digestOfFile({ id, strongId, path }: DrpFile): Digest {
  const strong = [strongId, id].find((each) => each?.algorithm === 'sha256')
  if (strong !== undefined) return strong.hex as Digest
  throw notAnIndex(`${JSON.stringify(path)} has no SHA-256 identifier.`, { path })
}

async function askSize(options: AskIndexOptions, file: DrpFile): Promise<number> {
  const answer = await options.transport.fetchBytes(file.url, {
    method: 'HEAD',
    bytesMax: 0,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const size = Number(answer.headers['content-length'] ?? Number.NaN)
  if (Number.isSafeInteger(size) && size >= 0) return size
  throw notAnIndex(`Nobody says how large ${JSON.stringify(file.path)} is.`, { path: file.path })
}

function manifestOf(
  subscription: Subscription,
  state: IndexState,
  entries: readonly Entry[],
): Manifest {
  return {
    format: manifestFormat,
    channel: subscription.channel,
    name: subscription.name as Manifest['name'],
    release: state.release,
    kind: 'files',
    published: state.published,
    entries,
  }
}
