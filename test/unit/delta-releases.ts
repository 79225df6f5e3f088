import {
  comparePaths,
  type Digest,
  digestOf,
  encodeManifest,
  type Entry,
  type Manifest,
  parseEntryPath,
} from '../../protocol/index.ts'
import { applyBundle, type AppliedBundle } from '../../delta/bundle/apply-bundle.ts'
import type { Staging } from '../../delta/bundle/build-file.ts'
import { makeCore } from '../../delta/bundle/make-core.ts'
import { planRelease } from '../../delta/bundle/plan-release.ts'
import { type expectationOf, memoryObjectSource } from '../../delta/index.ts'

/** A release in memory. */
export interface TestRelease {
  readonly manifest: Uint8Array
  readonly objects: ReadonlyMap<Digest, Uint8Array>
}

export type TestFiles = Readonly<Record<string, Uint8Array | string>>

export function releaseOf(
  files: TestFiles,
  more: {
    readonly release?: number
    readonly others?: readonly Entry[]
    readonly executables?: readonly string[]
    readonly attributes?: Partial<Manifest>
  } = {},
): TestRelease {
  const objects = new Map<Digest, Uint8Array>()
  const entries: Entry[] = [...(more.others ?? [])]
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    const sha256 = digestOf(bytes)
    objects.set(sha256, bytes)
    entries.push({
      type: 'file',
      path: parseEntryPath(path),
      size: bytes.length,
      sha256,
      mode: more.executables?.includes(path) === true ? '0755' : '0644',
      mime: path.endsWith('.txt') ? 'text/plain' : 'application/octet-stream',
    })
  }
  entries.sort((a, b) => comparePaths(a.path, b.path))
  const release = more.release ?? 1
  const manifest = encodeManifest({
    format: 'longwave-manifest-1',
    channel: digestOf('a channel'),
    name: 'sample' as Manifest['name'],
    kind: 'files',
    release,
    published: `2026-01-02T03:04:${String(release % 60).padStart(2, '0')}Z`,
    ...more.attributes,
    entries,
  })
  return { manifest, objects }
}

/** A bundle made in this thread. */
export function bundleOf(
  old: TestRelease,
  next: TestRelease,
  effort: 'fast' | 'best' = 'best',
): Uint8Array {
  const { plan, old: oldRelease, digestAt } = planRelease(old.manifest, next.manifest)
  const pool = Buffer.concat([
    ...plan.base.map(({ number }) => old.objects.get(oldRelease.objects.digests[number] as Digest)),
    ...plan.built.map(({ path }) => next.objects.get(digestAt.get(path) as Digest)),
  ] as Uint8Array[])
  const { pieces } = makeCore({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    pool: new Uint8Array(pool),
    effort,
  })
  return new Uint8Array(Buffer.concat(pieces))
}

export interface TestResult extends AppliedBundle {
  readonly outputs: readonly Uint8Array[]
}

/** Applies in memory; anything written beyond the announced size is a test failure. */
export async function applied(
  old: TestRelease,
  bundle: Uint8Array,
  expect: ReturnType<typeof expectationOf>,
): Promise<TestResult> {
  const outputs: Uint8Array[] = []
  const result = await applyBundle({
    bundle,
    oldManifest: old.manifest,
    source: memoryObjectSource(old.objects),
    staging: memoryStaging(outputs),
    expect,
  })
  return { ...result, outputs }
}

export function memoryStaging(outputs: Uint8Array[]): Staging {
  return {
    async create(index, size) {
      const pieces: Uint8Array[] = []
      let length = 0
      return {
        async write(bytes) {
          length += bytes.length
          if (length > size) throw new TypeError('more bytes than announced')
          pieces.push(bytes.slice())
        },
        async close() {
          outputs[index] = new Uint8Array(Buffer.concat(pieces))
        },
      }
    },
    async open(index) {
      const bytes = outputs[index] as Uint8Array
      return {
        size: bytes.length,
        async read(position, into) {
          const part = bytes.subarray(position, position + into.length)
          into.set(part)
          return part.length
        },
        async close() {},
      }
    },
  }
}

/** Numbers that look random and are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Text with words that come again. */
export function prose(random: () => number, words: number): string {
  const list = [
    'wave',
    'long',
    'tuner',
    'release',
    'const',
    'return',
    '(',
    ')',
    '{',
    '}',
    '\n',
    '42',
  ]
  let text = ''
  for (let i = 0; i < words; i++) {
    text += `${list[Math.floor(random() * list.length)]}${random() < 0.1 ? Math.floor(random() * 1000) : ''} `
  }
  return text
}

export function noise(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256))
}
