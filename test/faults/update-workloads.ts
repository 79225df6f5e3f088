import type { Tree } from '../support/memory-channel.ts'
import type { ChannelRoute } from '../support/signed-channel.ts'

/** An update that a sweep breaks at every step: release 1 to release 2. */
export interface Workload {
  readonly name: string
  readonly before: Tree
  readonly after: Tree
  /** A release between, that a chain goes over. */
  readonly between?: Tree
  /** How the change travels. */
  readonly route: ChannelRoute
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
    route: 'whole',
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
    route: 'whole',
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
    route: 'bundle',
  },
  {
    name: 'a chain of two bundles',
    before: { 'data.bin': noise(6_000), 'other.txt': 'unchanged' },
    between: { 'data.bin': `${noise(6_000)}more`, 'between.txt': 'only between' },
    after: {
      'data.bin': `${noise(6_000)}more and more`,
      'lib/new.txt': 'new',
      'other.txt': 'unchanged',
    },
    route: 'chain',
  },
  {
    name: 'files of their own differences',
    before: { 'big.bin': noise(270_000), 'small.txt': 'one' },
    after: { 'big.bin': `${noise(270_000)}changed`, 'small.txt': 'two' },
    route: 'differences',
  },
]

/** The workloads that are worth an act: how bytes travel matters to those that fetch a release. */
export function workloadsOf(act: string): readonly Workload[] {
  return act.endsWith('update') ? workloads : workloads.slice(0, 2)
}
