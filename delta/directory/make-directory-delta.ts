import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type MadeBundleFile, makeBundle } from '../bundle/make-bundle.ts'
import type { Effort } from '../bundle/make-streams.ts'
import { expectationOf } from '../bundle/prove-bundle.ts'
import { fileObjectSource } from '../objects/object-source.ts'
import { encodeDeltaHeader } from './delta-file.ts'
import { scanTree } from './tree.ts'

export interface MadeDirectoryDelta
  extends Pick<MadeBundleFile, 'notes' | 'wholeBytes' | 'proved'> {
  /** Bytes of the delta, all included. */
  readonly bytes: number
}

/**
 * Makes the delta that turns the directory or file `oldPath` into `newPath`, proves it and puts it
 * at `outputPath`.
 * @throws LW_DELTA_MAKE, LW_DELTA_CANCELLED, LW_FORMAT_PATH
 */
export async function makeDirectoryDelta(options: {
  readonly oldPath: string
  readonly newPath: string
  readonly outputPath: string
  readonly effort?: Effort
  readonly signal?: AbortSignal
}): Promise<MadeDirectoryDelta> {
  const { oldPath, newPath, outputPath, effort = 'best', signal } = options
  const old = await scanTree(oldPath, 1)
  const next = await scanTree(newPath, 2)
  const bundlePath = `${outputPath}.bundle`
  const partPath = `${outputPath}.part`
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
    const part = createWriteStream(partPath)
    part.write(encodeDeltaHeader({ kind: next.kind, expect }))
    await pipeline(createReadStream(bundlePath), part)
    const { size } = await stat(partPath)
    await rename(partPath, outputPath)
    return { bytes: size, notes, wholeBytes, proved }
  } finally {
    await rm(bundlePath, { force: true })
    await rm(partPath, { force: true })
  }
}
