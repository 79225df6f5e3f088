import { createHash } from 'node:crypto'
import type { ObjectReader } from '../delta/index.ts'
import { decodeGdiff, gdiffMime } from '../delta/gdiff/index.ts'
import {
  type Digest,
  digestFromBytes,
  type FileEntry,
  filesOf,
  isLongwaveError,
  type Manifest,
} from '../protocol/index.ts'
import {
  type ContentIdentifier,
  formatContentIdentifier,
  judgeReply,
} from '../protocol/drp/index.ts'
import type { AnswerHeaders } from '../transport/index.ts'
import { absentStatus, requestOptions } from './fetch-context.ts'
import { mayCompress } from './fetch-objects.ts'
import type { FetchReleaseOptions, ReleaseBase } from './fetch-release.ts'
import { mirroringLimits as limits } from './limits.ts'

/** A large file that changed at its path. */
interface Candidate {
  readonly path: string
  readonly next: FileEntry
  readonly old: FileEntry
}

/** What differences brought. */
export interface TakenDifferences {
  /** Files that were built from their old version. */
  readonly files: number
  /** Bytes that crossed the network for them. */
  readonly bytes: number
}

/**
 * Where no bundle is to be had, asks for a few changed large files as GDIFF (docs/formats/drp.md)
 * when that is less than the file, compressed where it would be. What works lies verified in
 * staging; whatever does not is fetched whole afterwards, so nothing here is an error.
 */
export async function takeDifferences(
  options: FetchReleaseOptions,
  manifest: Manifest,
): Promise<TakenDifferences> {
  const taken = { files: 0, bytes: 0 }
  const { base, signal } = options
  const [source] = options.sources
  if (base === undefined || source === undefined) return taken
  for (const candidate of candidatesOf(options, base, manifest)) {
    try {
      const outcome = await takeDifference(options, { base, source, candidate })
      taken.bytes += outcome.bytes
      if (outcome.kind === 'taken') taken.files++
      // A server that does not speak it is not asked for every file.
      if (outcome.kind === 'unaware') break
    } catch (error) {
      signal?.throwIfAborted()
      if (!isLongwaveError(error)) throw error
      break
    }
  }
  return taken
}

/** The largest files first: there a difference saves most. */
function candidatesOf(
  options: FetchReleaseOptions,
  base: ReleaseBase,
  manifest: Manifest,
): readonly Candidate[] {
  const held = new Map<string, FileEntry>()
  for (const file of filesOf(base.manifest)) held.set(file.path, file)
  const candidates: Candidate[] = []
  for (const next of filesOf(manifest)) {
    const old = held.get(next.path)
    if (old === undefined || old.sha256 === next.sha256 || !base.has(old.sha256)) continue
    if (next.size < limits.differenceFileBytesMin || old.size === 0) continue
    if (base.has(next.sha256) || options.staging.has(next.sha256)) continue
    candidates.push({ path: next.path, next, old })
  }
  candidates.sort((a, b) => b.next.size - a.next.size)
  return candidates.slice(0, limits.differencesMax)
}

interface Question {
  readonly base: ReleaseBase
  readonly source: string
  readonly candidate: Candidate
}

async function takeDifference(
  options: FetchReleaseOptions,
  question: Question,
): Promise<{ readonly kind: 'taken' | 'dearer' | 'unaware'; readonly bytes: number }> {
  const { candidate, source } = question
  const { next, old } = candidate
  const url = `${source}/files/${candidate.path.split('/').map(encodeURIComponent).join('/')}`
  const headers = {
    ...options.headers,
    'content-id': idOf(next),
    'differential-id': idOf(old),
    accept: `${gdiffMime}, */*;q=0.1`,
  }
  const offer = await options.transport.fetchBytes(url, {
    ...requestOptions(options),
    method: 'HEAD',
    headers,
    bytesMax: 0,
    acceptStatus: [...absentStatus, 400, 405, 406],
  })
  if (offer.status !== 200 || offer.headers['content-id'] === undefined) {
    return { kind: 'unaware', bytes: 0 }
  }
  if (!isDifference(question, offer.headers)) return { kind: 'dearer', bytes: 0 }
  const bytes = Number(offer.headers['content-length'])
  const otherwise = await wholeBytesOf(options, source, next)
  if (!(bytes >= 0 && bytes <= limits.differenceBytesMax && bytes < otherwise)) {
    return { kind: 'dearer', bytes: 0 }
  }
  const answer = await options.transport.fetchBytes(url, {
    ...requestOptions(options),
    headers,
    bytesMax: bytes,
  })
  const received = answer.bytes.byteLength
  if (!isDifference(question, answer.headers)) return { kind: 'dearer', bytes: received }
  const isRight = await build(options, question, answer.bytes)
  return { kind: isRight ? 'taken' : 'unaware', bytes: received }
}

function isDifference({ candidate }: Question, headers: AnswerHeaders): boolean {
  const asked = { wanted: identifierOf(candidate.next), base: identifierOf(candidate.old) }
  return judgeReply(asked, headers).kind === 'patch'
}

function identifierOf(file: FileEntry): ContentIdentifier {
  return { algorithm: 'sha256', hex: file.sha256 }
}

function idOf(file: FileEntry): string {
  return formatContentIdentifier(identifierOf(file))
}

/** What the file costs without a difference. */
async function wholeBytesOf(
  options: FetchReleaseOptions,
  source: string,
  file: FileEntry,
): Promise<number> {
  if (!mayCompress(file)) return file.size
  const answer = await options.transport.fetchBytes(`${source}/objects/${file.sha256}.br`, {
    ...requestOptions(options),
    method: 'HEAD',
    bytesMax: 0,
    acceptStatus: absentStatus,
  })
  const bytes = Number(answer.headers['content-length'] ?? Number.NaN)
  return answer.status === 200 && bytes >= 0 ? bytes : file.size
}

/** Builds the new file from the old one; only the signed digest gives it its name. */
async function build(
  options: FetchReleaseOptions,
  { base, candidate }: Question,
  difference: Uint8Array,
): Promise<boolean> {
  const { staging } = options
  const fs = staging.fileSystem
  const { next, old } = candidate
  await options.requireSpace?.({ bytes: next.size, names: 1, isExact: true })
  const file = staging.scratchPath(`difference-${next.sha256}`)
  const reader: ObjectReader = await base.source.open(old.sha256)
  const handle = await fs.open(file, 'w', 0o600)
  const hash = createHash('sha256')
  let digest: Digest | undefined
  try {
    const pieces = decodeGdiff({
      old: reader,
      difference: [difference],
      outputBytesMax: next.size,
    })
    for await (const piece of pieces) {
      hash.update(piece)
      await handle.write(piece)
    }
    digest = digestFromBytes(hash.digest())
  } finally {
    await handle.close()
    await reader.close()
    if (digest !== next.sha256) await fs.unlink(file)
  }
  if (digest !== next.sha256) return false
  await staging.adoptFile(next.sha256, file)
  return true
}
