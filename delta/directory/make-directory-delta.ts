import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type MadeBundleFile, makeBundle } from '../bundle/make-bundle.ts'
import type { Effort } from '../bundle/make-streams.ts'
import { expectationOf } from '../bundle/prove-bundle.ts'
import { fileObjectSource } from '../objects/object-source.ts'
import { encodeDeltaHeader } from './delta-file.ts'
import { refuseExisting, requireFreePlace } from './free-place.ts'
import { scanTree } from './tree.ts'

export interface MadeDirectoryDelta
  extends Pick<MadeBundleFile, 'notes' | 'wholeBytes' | 'proved'> {
  /** Bytes of the delta, all included. */
  readonly bytes: number
}

/**
 * Makes the delta that turns the directory or file `oldPath` into `newPath`, proves it and puts it
 * at `outputPath`.
 * @throws LW_DELTA_EXISTS when something lies there, or it would lie inside of what it is made of
 * @throws LW_DELTA_MAKE, LW_DELTA_CANCELLED
 */
export async function makeDirectoryDelta(options: {
  readonly oldPath: string
  readonly newPath: string
  readonly outputPath: string
  readonly effort?: Effort
  readonly signal?: AbortSignal
}): Promise<MadeDirectoryDelta> {
  const { oldPath, newPath, outputPath, effort = 'best', signal } = options
  await requireFreePlace(outputPath, [oldPath, newPath])
  const old = await scanTree(oldPath, 1, { signal })
  const next = await scanTree(newPath, 2, { signal })
  // Names of their own: nothing that lies there already is written over.
  const making = `${outputPath}.making-${randomBytes(6).toString('hex')}`
  const bundlePath = `${making}.bundle`
  const partPath = `${making}.part`
  try {
    const { notes, wholeBytes, proved } = await makeBundle({
      oldManifest: old.manifest,
      newManifest: next.manifest,
      source: fileObjectSource(new Map([...old.paths, ...next.paths])),
      outputPath: bundlePath,
      effort,
      here: true,
      ...(signal === undefined ? {} : { signal }),
    })
    const expect = expectationOf(next.manifest)
    const { size: bundleBytes } = await stat(bundlePath)
    const part = createWriteStream(partPath, { flags: 'wx' })
    part.write(encodeDeltaHeader({ kind: next.kind, expect, bundleBytes }))
    await pipeline(createReadStream(bundlePath), part)
    const { size } = await stat(partPath)
    await refuseExisting(outputPath)
    await rename(partPath, outputPath)
    return { bytes: size, notes, wholeBytes, proved }
  } finally {
    await rm(bundlePath, { force: true })
    await rm(partPath, { force: true })
  }
}
