import { view } from './byte-source.ts'
import type { DeflateSettings } from './deflate-settings.ts'
import { createDeflater, type Deflater } from './deflater.ts'
import { refused } from './errors.ts'
import { archiveLimits } from './limits.ts'
import { holdBack, limitedOutput, type Measured, measure, type Output } from './rebuild-output.ts'
import { parseRecipe, type Recipe } from './recipe.ts'
import { centralFlag, endFlag, entryFlag, memberFlag, operation } from './view-grammar.ts'
import { createPump, type Parser, pass, take, takeVarint, takeVarintOrEnd } from './view-pump.ts'
import { CentralDirectory, hasFlag, setSizes, takeHeaders } from './zip-rebuild.ts'
import { descriptorForms, makeDescriptor, zipSignatures } from './zip-structure.ts'

/** What the caller knows from signed sizes. */
export interface RebuildLimits {
  readonly viewBytes: number
  readonly outputBytes: number
}

/** Takes a view in order. */
export interface Rebuilder {
  write(chunk: Uint8Array): void
  /** The view is complete; all output has been emitted when it returns. */
  end(): void
}

/** Makes the deflater of one stream; the maker's proof replaces it. */
export type DeflaterFactory = (
  settings: DeflateSettings,
  stream: number,
  emit: (piece: Uint8Array) => void,
) => Deflater

/**
 * Turns a view back into the archive. Emitted pieces are valid during the call only. Memory:
 * at most 8 MiB of held-back entry and 8 MiB of central directory for each of two levels.
 * @throws LW_DELTA_ARCHIVE from here, `write` and `end` when recipe or view are not sound or
 *   pass their limits.
 */
export function createRebuilder(
  recipe: Uint8Array,
  limits: RebuildLimits,
  emit: (chunk: Uint8Array) => void,
): Rebuilder {
  const factory: DeflaterFactory = (settings, _stream, push) => createDeflater(settings, push)
  return createRebuilderWith(factory, recipe, limits, emit)
}

/** As createRebuilder, with deflaters from elsewhere. */
export function createRebuilderWith(
  factory: DeflaterFactory,
  ...[recipe, limits, emit]: Parameters<typeof createRebuilder>
): Rebuilder {
  const job: Job = { recipe: parseRecipe(recipe), factory, streams: 0, limits }
  const out = limitedOutput(limits.outputBytes, emit)
  return createPump(outerRecords(job, out), limits.viewBytes)
}

interface Job {
  readonly recipe: Recipe
  readonly factory: DeflaterFactory
  readonly limits: RebuildLimits
  /** Deflate streams so far, in the order of the view. */
  streams: number
}

/** The archive that records belong to. */
interface Archive {
  readonly job: Job
  readonly out: Output
  readonly nested: boolean
  /** Where it began in the output. */
  start: number
  directory: CentralDirectory
  time: Uint8Array
}

function beginArchive(job: Job, out: Output, nested: boolean): Archive {
  const directory = new CentralDirectory()
  return { job, out, nested, start: out.position, directory, time: new Uint8Array(4) }
}

function* outerRecords(job: Job, out: Output): Parser<void> {
  const archive = beginArchive(job, out, false)
  for (;;) {
    const head = yield* takeVarintOrEnd()
    if (head === undefined) return
    yield* record(archive, head)
  }
}

function* nestedRecords(job: Job, out: Output): Parser<void> {
  let archive = beginArchive(job, out, true)
  for (;;) {
    const head = yield* takeVarint()
    if (head === operation.close) return
    if (head === operation.archive) archive = beginArchive(job, out, true)
    else yield* record(archive, head)
  }
}

function* record(archive: Archive, head: number): Parser<void> {
  const flags = Math.floor(head / 8)
  switch (head % 8) {
    case operation.bytes:
      yield* pass(flags, archive.out.push)
      return
    case operation.entry:
      yield* entryRecord(archive, flags)
      return
    case operation.central:
      yield* centralRecord(archive, flags)
      return
    case operation.end:
      yield* endRecord(archive, flags)
      return
    case operation.member:
      yield* memberRecord(archive, flags)
      return
    case operation.kept:
      yield* keptRecord(archive, flags)
      return
    default:
      throw refused('The view has a record that does not exist.')
  }
}

/** The content of an entry or member: `contentBytes` of the view, or nested records. */
function* content(archive: Archive, contentBytes: number | undefined, to: Measured): Parser<void> {
  if (contentBytes !== undefined) yield* pass(contentBytes, to.push)
  else yield* nestedRecords(archive.job, to)
}

function checkNested(archive: Archive, nested: boolean): void {
  if (nested && archive.nested) throw refused('The view is nested too deeply.')
}

function* takeContentBytes(archive: Archive): Parser<number> {
  const bytes = yield* takeVarint()
  if (bytes > archive.job.limits.viewBytes) throw refused('Content is larger than the view.')
  return bytes
}

function openDeflater(archive: Archive, emit: (piece: Uint8Array) => void): Deflater {
  const { job } = archive
  const stream = job.streams++
  return job.factory(job.recipe.settingsAt(stream), stream, emit)
}

function* entryRecord(archive: Archive, flags: number): Parser<void> {
  const { out } = archive
  const form = Math.floor(flags / entryFlag.descriptorUnit)
  if (form >= descriptorForms.length) throw refused('The view has flags that do not exist.')
  const nested = hasFlag(flags, entryFlag.nested)
  checkNested(archive, nested)
  const contentBytes = nested ? undefined : yield* takeContentBytes(archive)
  const headers = yield* takeHeaders(flags, archive.time)
  archive.time = headers.local.slice(10, 14)
  const localStart = out.position
  const held = hasFlag(flags, entryFlag.localSizes) ? holdBack() : undefined
  if (held === undefined) out.push(headers.local)
  let packedBytes = 0
  const packed = (piece: Uint8Array): void => {
    packedBytes += piece.length
    if (held === undefined) out.push(piece)
    else held.push(piece)
  }
  const deflated = hasFlag(flags, entryFlag.deflated)
  const deflater = deflated ? openDeflater(archive, packed) : undefined
  const measured = measure(deflater === undefined ? packed : (piece) => deflater.push(piece))
  yield* content(archive, contentBytes, measured)
  deflater?.finish()
  const sizes = { crc: measured.crc, packedBytes, contentBytes: measured.position }
  if (held !== undefined) {
    setSizes(headers.local, 14, sizes)
    out.push(headers.local)
    held.release(out)
  }
  out.push(makeDescriptor(form, sizes))
  if (hasFlag(flags, entryFlag.sizes)) setSizes(headers.central, 16, sizes)
  const offset = hasFlag(flags, entryFlag.offset) ? localStart - archive.start : -1
  archive.directory.add(headers.central, offset)
}

function* keptRecord(archive: Archive, count: number): Parser<void> {
  const { out, start, directory } = archive
  const centralBytes = yield* takeVarint()
  const bytes = yield* takeVarint()
  if (centralBytes > archiveLimits.centralBytesMax) {
    throw refused('The central directory becomes too large.')
  }
  const headers = yield* take(centralBytes)
  directory.addKept(headers, { count, start: out.position - start, bytes })
  archive.time = new Uint8Array(4)
  yield* pass(bytes, out.push)
}

function* centralRecord(archive: Archive, flags: number): Parser<void> {
  const { directory, out, start } = archive
  const base = yield* takeVarint()
  if (flags !== centralFlag.permuted) {
    if (flags !== 0) throw refused('The view has flags that do not exist.')
    directory.write(out, { start, base })
    return
  }
  const order: number[] = []
  const seen = new Set<number>()
  for (let place = 0; place < directory.entries; place++) {
    const entry = yield* takeVarint()
    if (seen.has(entry)) throw refused('An entry comes twice in the central directory.')
    seen.add(entry)
    order.push(entry)
  }
  directory.write(out, { start, base, order })
}

function* endRecord(archive: Archive, flags: number): Parser<void> {
  const { directory, out } = archive
  const regular = hasFlag(flags, endFlag.regular)
  if (flags > endFlag.regular) throw refused('The view has flags that do not exist.')
  const fields = regular ? directory.endFields() : yield* take(16)
  const commentLength = yield* take(2)
  const signature = new Uint8Array(4)
  view(signature).setUint32(0, zipSignatures.end, true)
  out.push(signature)
  out.push(fields)
  out.push(commentLength)
  yield* pass(view(commentLength).getUint16(0, true), out.push)
}

function* memberRecord(archive: Archive, flags: number): Parser<void> {
  const { out } = archive
  if (flags > memberFlag.nested + memberFlag.trailer) {
    throw refused('The view has flags that do not exist.')
  }
  const nested = hasFlag(flags, memberFlag.nested)
  checkNested(archive, nested)
  const contentBytes = nested ? undefined : yield* takeContentBytes(archive)
  const headerBytes = yield* takeVarint()
  if (headerBytes < 10 || headerBytes > archiveLimits.gzipHeaderMax) {
    throw refused('A gzip header is too short or too long.')
  }
  yield* pass(headerBytes, out.push)
  const deflater = openDeflater(archive, out.push)
  const measured = measure((piece) => deflater.push(piece))
  yield* content(archive, contentBytes, measured)
  deflater.finish()
  if (!hasFlag(flags, memberFlag.trailer)) return
  const trailer = new Uint8Array(8)
  view(trailer).setUint32(0, measured.crc, true)
  view(trailer).setUint32(4, measured.position % 2 ** 32, true)
  out.push(trailer)
}
