import { comparePaths, type Entry } from '../../protocol/index.ts'
import type { DraftEntry, Edit, ObjectList } from './script.ts'
import { extensionOf } from './script-coder.ts'

/** An object that the bundle builds. */
export interface BuiltObject {
  /** Number by first mention in the script. */
  readonly number: number
  readonly size: number
  /** The first path that has it. */
  readonly path: string
  /** Number of the old object that lay under the same path. */
  readonly predecessor: number | undefined
}

/** An old object that the bundle may copy from. */
export interface BaseObject {
  /** Number in the old object list. */
  readonly number: number
  readonly size: number
  /** Where it begins in the pool. */
  readonly position: number
}

export interface BuildPlan {
  readonly drafts: readonly DraftOrEntry[]
  /** In output order: by extension, then by path. */
  readonly built: readonly BuiltObject[]
  readonly base: readonly BaseObject[]
  readonly baseBytes: number
  readonly builtBytes: number
}

export type DraftOrEntry = { readonly kept: Entry } | { readonly draft: DraftEntry }

/**
 * What follows from the script alone: the drafts of the new entries, the objects to build and
 * their order, and the base: every old object that the new release lacks or whose path changed,
 * and the extra ones that the bundle names.
 */
export function planBuild(
  oldEntries: readonly Entry[],
  oldObjects: ObjectList,
  script: readonly Edit[],
  extras: readonly number[],
): BuildPlan {
  const drafts = replay(oldEntries, script)
  const { built, used, predecessors } = survey(drafts, oldEntries, script, oldObjects)
  const wanted = new Set([...predecessors, ...extras])
  const base: BaseObject[] = []
  let baseBytes = 0
  for (let number = 0; number < oldObjects.digests.length; number++) {
    if (used.has(number) && !wanted.has(number)) continue
    const size = oldObjects.sizes[number] as number
    base.push({ number, size, position: baseBytes })
    baseBytes += size
  }
  const builtBytes = built.reduce((sum, object) => sum + object.size, 0)
  return { drafts, built: built.sort(compareBuilt), base, baseBytes, builtBytes }
}

function compareBuilt(a: { path: string }, b: { path: string }): number {
  return comparePaths(extensionOf(a.path), extensionOf(b.path)) || comparePaths(a.path, b.path)
}

function replay(oldEntries: readonly Entry[], script: readonly Edit[]): DraftOrEntry[] {
  const drafts: DraftOrEntry[] = []
  let at = 0
  for (const edit of script) {
    if (edit.step === 'keep') {
      for (const end = at + edit.count; at < end; at++)
        drafts.push({ kept: oldEntries[at] as Entry })
    } else if (edit.step === 'delete') {
      at++
    } else if (edit.step === 'insert') {
      drafts.push({ draft: edit.entry })
    } else {
      drafts.push(changed(oldEntries[at++] as Entry, edit))
    }
  }
  return drafts
}

function changed(old: Entry, edit: Extract<Edit, { step: 'change' }>): DraftOrEntry {
  if (old.type !== 'file') throw new TypeError('only files change')
  const { mode, mime, content } = edit
  if (content === undefined) return { kept: { ...old, mode, mime } }
  return { draft: { type: 'file', path: old.path, mode, mime, content } }
}

function survey(
  drafts: readonly DraftOrEntry[],
  oldEntries: readonly Entry[],
  script: readonly Edit[],
  oldObjects: ObjectList,
): { built: BuiltObject[]; used: Set<number>; predecessors: Set<number> } {
  const used = new Set<number>()
  const predecessors = new Set<number>()
  const predecessorOf = predecessorsByPath(oldEntries, script, oldObjects)
  const built: BuiltObject[] = []
  for (const item of drafts) {
    if ('kept' in item) {
      if (item.kept.type === 'file') used.add(oldObjects.numbers.get(item.kept.sha256) as number)
      continue
    }
    const { draft } = item
    if (draft.type !== 'file') continue
    const { content } = draft
    if (content.from === 'old') {
      used.add(content.object)
    } else if (content.object === built.length) {
      const predecessor = predecessorOf.get(draft.path)
      if (predecessor !== undefined) predecessors.add(predecessor)
      built.push({ number: content.object, size: content.size, path: draft.path, predecessor })
    }
  }
  return { built, used, predecessors }
}

function predecessorsByPath(
  oldEntries: readonly Entry[],
  script: readonly Edit[],
  oldObjects: ObjectList,
): Map<string, number> {
  const found = new Map<string, number>()
  let at = 0
  for (const edit of script) {
    if (edit.step === 'keep') {
      at += edit.count
    } else if (edit.step !== 'insert') {
      const old = oldEntries[at++]
      if (old?.type === 'file') found.set(old.path, oldObjects.numbers.get(old.sha256) as number)
    }
  }
  return found
}
