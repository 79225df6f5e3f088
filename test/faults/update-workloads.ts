import type { Tree } from '../support/memory-channel.ts'

/** An update that a sweep breaks at every step: release 1 to release 2. */
export interface Workload {
  readonly name: string
  readonly before: Tree
  readonly after: Tree
  /** Whether the change travels as a bundle. */
  readonly isBundled?: boolean
}

function many(count: number, text: (index: number) => string): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`lib/file-${index}.txt`, text(index)]),
  )
}

/** Text that no compressor shrinks much, the same every time. */
function noise(bytes: number): string {
  let state = 1
  let text = ''
  while (text.length < bytes) {
    state = (state * 48271) % 2147483647
    text += state.toString(36)
  }
  return text.slice(0, bytes)
}

/** The workloads of R1 to R4. */
export const workloads: readonly Workload[] = [
  {
    name: 'changed, added, removed, renamed, other modes',
    before: {
      ...many(8, (index) => `one ${index}`),
      'bin/run': { exec: '#!/bin/sh\necho one\n' },
      'bin/tool': 'not yet executable',
      'old/name.txt': 'renamed content',
      'gone.txt': 'removed in two',
      'same.txt': 'never changes',
      'twin-a.txt': 'twin',
      'twin-b.txt': 'twin',
      empty: null,
    },
    after: {
      ...many(8, (index) => (index % 2 === 0 ? `two ${index}` : `one ${index}`)),
      'bin/run': { exec: '#!/bin/sh\necho two\n' },
      'bin/tool': { exec: 'not yet executable' },
      'new/name.txt': 'renamed content',
      'same.txt': 'never changes',
      'twin-a.txt': 'twin',
      'twin-c.txt': 'twin',
      'added.txt': '',
      'empty/filled.txt': 'no longer empty',
    },
  },
  {
    name: 'folder, file and link change places',
    before: {
      'a/inner.txt': 'a was a folder',
      b: 'b was a file',
      c: { link: 'b' },
      'd/e/f.txt': 'deep',
      'keep.txt': 'kept',
    },
    after: {
      a: 'a is a file',
      'b/inner.txt': 'b is a folder',
      'c/x.txt': 'c is a folder',
      d: { link: 'keep.txt' },
      'keep.txt': 'kept',
    },
  },
  {
    name: 'one large delta',
    before: { 'data.bin': noise(12_000), 'other.txt': 'unchanged' },
    after: {
      'data.bin': `${noise(12_000).slice(0, 6_000)}changed${noise(12_000).slice(6_000)}`,
      'other.txt': 'unchanged',
    },
    isBundled: true,
  },
]
