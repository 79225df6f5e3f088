import { setImmediate } from 'node:timers/promises'
import { type Json, parseCanonicalText } from './canonical-json.ts'
import { checkOutside, passManifest } from './check-manifest.ts'
import { formatError } from './format-errors.ts'
import { limits } from './limits.ts'
import type { Manifest } from './manifest.ts'
import { EntryChecks } from './manifest-entries.ts'
import { type ByteSpan, outlineOf } from './manifest-outline.ts'

/**
 * Parses and checks a manifest. All findings are listed (the first 20), not only the first.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT, LW_FORMAT_TOO_LARGE, LW_FORMAT_PATH_COLLISION
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const steps = parseSteps(bytes)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** How long a server may be kept from its other requests at a stretch. */
const stretchMs = 10

/**
 * `parseManifest` for who has others waiting: a manifest of a million entries takes seconds, and
 * between its parts whatever else is to be done is done.
 */
export async function parseManifestInSlices(bytes: Uint8Array): Promise<Manifest> {
  const steps = parseSteps(bytes)
  let beganMs = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() - beganMs < stretchMs) continue
    await setImmediate()
    beganMs = performance.now()
  }
}

/**
 * The document without its entries and each group of entries are canonical JSON of their own
 * exactly when the whole is: so none of them is held as text beside the others, and what stands
 * around the entries is refused before one of them becomes a value.
 */
function* parseSteps(bytes: Uint8Array): Generator<void, Manifest> {
  if (bytes.byteLength > limits.manifestBytesMax) {
    throw formatError('LW_FORMAT_TOO_LARGE', {
      detail: `${bytes.byteLength} bytes, at most ${limits.manifestBytesMax} are read.`,
    })
  }
  const { list, groups } = yield* outlineOf(bytes)
  const value: unknown = parsePart(around(bytes, list))
  const findings: string[] = []
  checkOutside(value, findings)
  const checks = new EntryChecks(findings)
  const entries: Json[] = []
  for (const { from, to } of groups) {
    // An empty group is a comma too many, which an empty list would hide.
    const group = from === to ? ',' : bytes.subarray(from, to)
    for (const entry of parsePart(['[', group, ']']) as readonly Json[]) {
      checks.add(entry)
      entries.push(entry)
    }
    yield
  }
  if (list === undefined) findings.push('entries is not a list')
  else value['entries'] = entries
  return passManifest(value, findings, checks)
}

/** The document with an empty list of entries. */
function around(bytes: Uint8Array, list: ByteSpan | undefined): readonly Uint8Array[] {
  return list === undefined ? [bytes] : [bytes.subarray(0, list.from), bytes.subarray(list.to)]
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws LW_FORMAT_JSON */
function parsePart(pieces: readonly (Uint8Array | string)[]): Json {
  let text: string
  try {
    // Each piece ends at a bracket or comma: none is cut within a character.
    text = pieces
      .map((piece) => (typeof piece === 'string' ? piece : decoder.decode(piece)))
      .join('')
  } catch (cause) {
    throw formatError('LW_FORMAT_JSON', { detail: 'It is not UTF-8.', cause })
  }
  return parseCanonicalText(text)
}
