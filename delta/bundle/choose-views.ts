import {
  ByteRoom,
  memorySource,
  OldEntries,
  unpackArchive,
  unpackForBase,
} from '../archives/index.ts'
import type { BuildPlan } from '../planning/build-plan.ts'
import { layOutPool, type NewView, type OldView, type PoolLayout } from '../planning/pool-layout.ts'
import { noViews, type ViewChoice } from './view-coder.ts'

interface Views {
  readonly choice: ViewChoice
  readonly layout: PoolLayout
  /** The pool with all views; the one given when there are none. */
  readonly pool: Uint8Array
}

/** How much larger than packed views are, about; room that is not needed costs nothing. */
const viewRatio = 6

/** Unpacks the archives among the base and the built objects; `packed` holds both as they are. */
export function chooseViews(plan: BuildPlan, packed: Uint8Array): Views {
  const archives = archivesOf(builtOf(plan), packed)
  if (archives.length === 0) return withoutViews(plan, packed)
  const oldArchives = archivesOf(plan.base, packed)
  const sizes = [...oldArchives, ...archives].reduce((sum, { bytes }) => sum + bytes.length, 0)
  const room = new ByteRoom(packed.length + sizes * viewRatio)
  room.append(packed.subarray(0, plan.baseBytes))
  const old = unpackOld(oldArchives, room)
  // The plain objects lie between the views of old and of new archives.
  const taken = archives.reduce((sum, { bytes }) => sum + bytes.length, 0)
  room.resize(room.length + plan.builtBytes - taken)
  const newViews = room.length
  const next = unpackNew(archives, oldEntries(oldArchives), room)
  if (next.length === 0) return withoutViews(plan, packed)
  const layout = layOutPool(plan, old, next)
  const plainEnd = newViews + layout.bytes - room.length
  room.resize(layout.bytes)
  // Archives that stay as they are take their place among the plain objects.
  room.bytes.copyWithin(plainEnd, newViews, newViews + layout.bytes - plainEnd)
  placePlain(plan, layout, packed, room.bytes)
  return { choice: { old: old.map(({ index }) => index), next }, layout, pool: room.filled() }
}

function withoutViews(plan: BuildPlan, packed: Uint8Array): Views {
  return { choice: noViews, layout: layOutPool(plan, [], []), pool: packed }
}

interface PackedArchive {
  /** Among the objects of its kind. */
  readonly index: number
  readonly bytes: Uint8Array
}

interface Placed {
  readonly position: number
  readonly size: number
}

/** The built objects, with their places behind the base. */
function builtOf(plan: BuildPlan): Placed[] {
  let end = plan.baseBytes
  return plan.built.map(({ size }) => {
    end += size
    return { position: end - size, size }
  })
}

/** The objects that look like archives. */
function archivesOf(objects: readonly Placed[], packed: Uint8Array): PackedArchive[] {
  return objects
    .map(({ position, size }, index) => ({
      index,
      bytes: packed.subarray(position, position + size),
    }))
    .filter(({ bytes }) => mayBeArchive(bytes))
}

function mayBeArchive(bytes: Uint8Array): boolean {
  const start = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  return start === 0x504b || start === 0x1f8b
}

function oldEntries(archives: readonly PackedArchive[]): OldEntries {
  const entries = new OldEntries()
  for (const { bytes } of archives) entries.add(bytes)
  return entries
}

function unpackOld(archives: readonly PackedArchive[], room: ByteRoom): OldView[] {
  const views: OldView[] = []
  for (const { index, bytes } of archives) {
    const start = room.length
    const view = unpackForBase(memorySource(bytes), (piece) => room.append(piece))
    if (view === undefined) room.resize(start)
    else views.push({ index, viewBytes: view.viewBytes })
  }
  return views
}

function unpackNew(
  archives: readonly PackedArchive[],
  known: OldEntries,
  room: ByteRoom,
): NewView[] {
  const views: NewView[] = []
  for (const { index, bytes } of archives) {
    const unpacked = unpackArchive(bytes, {}, known, room)
    if (unpacked !== undefined) {
      views.push({ index, viewBytes: unpacked.view.length, recipe: unpacked.recipe })
    }
  }
  return views
}

/** Puts the objects that are built as they are to where the layout has them. */
function placePlain(
  plan: BuildPlan,
  { files }: PoolLayout,
  packed: Uint8Array,
  pool: Uint8Array,
): void {
  const built = builtOf(plan)
  for (const { index, position, recipe } of files) {
    const { position: from, size } = built[index] as Placed
    if (recipe === undefined) pool.set(packed.subarray(from, from + size), position)
  }
}
