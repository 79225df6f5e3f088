import type { BaseObject, BuildPlan, BuiltObject } from './build-plan.ts'

/** An old object that is also in the pool as its archive view. */
export interface OldView {
  /** Index in the plan's list of base objects. */
  readonly index: number
  readonly viewBytes: number
}

/** A new object that is built as its archive view. */
export interface NewView extends OldView {
  /** Index in the plan's list of built objects. */
  readonly index: number
  /** Turns the view into the object. */
  readonly recipe: Uint8Array
}

/** A file to code, in coding order. */
export interface PoolFile {
  readonly object: BuiltObject
  /** The number in staging. */
  readonly index: number
  /** Where its form (the bytes of the object, or its view) lies in the pool. */
  readonly position: number
  readonly formBytes: number
  /** Where the predecessor's form lies, -1 when there is none. */
  readonly predecessor: number
  /** Copies come from before this place. */
  readonly limit: number
  readonly recipe: Uint8Array | undefined
}

/**
 * The pool is what copies are taken from: the base objects, the views of old archives, the plain
 * built objects. Behind it come the views of new archives, from which nothing is copied.
 */
export interface PoolLayout {
  readonly base: readonly BaseObject[]
  readonly oldViews: readonly (OldView & { readonly position: number })[]
  /** Where the base and the views of old archives end. */
  readonly oldBytes: number
  readonly files: readonly PoolFile[]
  readonly bytes: number
}

export function layOutPool(
  plan: BuildPlan,
  oldViews: readonly OldView[],
  newViews: readonly NewView[],
): PoolLayout {
  const forms = new Map(plan.base.map((object) => [object.number, object.position]))
  let position = plan.baseBytes
  const placedViews = oldViews.map((view) => {
    const placed = { ...view, position }
    position += view.viewBytes
    return placed
  })
  const oldBytes = position
  const viewOf = new Map(newViews.map((view) => [view.index, view]))
  const viewForms = new Map(
    placedViews.map(({ index, position }) => [plan.base[index]?.number, position]),
  )
  const files: PoolFile[] = []
  for (const [index, object] of plan.built.entries()) {
    if (viewOf.has(index)) continue
    const predecessor = forms.get(object.predecessor ?? -1) ?? -1
    const file = { object, index, position, formBytes: object.size, predecessor, limit: position }
    files.push({ ...file, recipe: undefined })
    position += object.size
  }
  const limit = position
  for (const { index, viewBytes, recipe } of newViews) {
    const object = plan.built[index] as BuiltObject
    const number = object.predecessor ?? -1
    const predecessor = viewForms.get(number) ?? forms.get(number) ?? -1
    files.push({ object, index, position, formBytes: viewBytes, predecessor, limit, recipe })
    position += viewBytes
  }
  return { base: plan.base, oldBytes, oldViews: placedViews, files, bytes: position }
}
