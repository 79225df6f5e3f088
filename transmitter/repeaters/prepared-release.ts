import path from 'node:path'
import { makeBundle } from '../../delta/index.ts'
import { type Digest, filesOf, type Manifest } from '../../protocol/index.ts'
import {
  ensureDirectory,
  nodeRandomness,
  removeIfPresent,
  temporaryName,
} from '../../store/durable-files/index.ts'
import type { PreparationRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { repeaterOriginLimits as limits } from './limits.ts'

/** A bundle that was made before the release became the head. */
export interface PreparedBundle {
  readonly from: number
  readonly sha256: Digest
  readonly bytes: number
  readonly file: string
}

/** Where such bundles lie, below the transmitter's folder. */
export const preparedFolder = 'prepared'

/** What repeaters may read of a release that is not the head yet. */
export class PreparedRelease {
  readonly record: PreparationRecord
  /** All objects, the manifest included. */
  readonly objects: ReadonlySet<Digest>
  /** The step from the present head; undefined when there is none, or it is of no use. */
  readonly bundle: Promise<PreparedBundle | undefined>
  readonly #abort = new AbortController()
  readonly #context: TransmitterContext

  constructor(context: TransmitterContext, record: PreparationRecord, manifest: Manifest) {
    this.#context = context
    this.record = record
    this.objects = new Set([record.manifestDigest, ...filesOf(manifest).map((file) => file.sha256)])
    this.bundle = this.#makeBundle(manifest).catch((error: unknown) => {
      const isEnd = this.#abort.signal.aborted
      const { channel } = record
      if (!isEnd) context.server.logger.warn({ err: error, channel }, 'no bundle for repeaters')
      return undefined
    })
  }

  /** The bundle if it is made by now; a making under way is ended. */
  finished(): Promise<PreparedBundle | undefined> {
    this.#abort.abort()
    return this.bundle
  }

  /** Ends the making and removes what was made. */
  async close(): Promise<void> {
    this.#abort.abort()
    const bundle = await this.bundle
    if (bundle !== undefined) await removeIfPresent(this.#context.fs, bundle.file)
  }

  async #makeBundle(manifest: Manifest): Promise<PreparedBundle | undefined> {
    const context = this.#context
    const view = context.catalogue.find(this.record.channel)
    if (view === undefined) return undefined
    const { head } = view
    const newBytes = filesOf(manifest).reduce((sum, file) => sum + file.size, 0)
    if (head.totalBytes + newBytes > limits.preparedBundleBytesMax) return undefined
    const folder = path.join(context.directory, preparedFolder)
    await ensureDirectory(context.fs, folder, { mode: 0o700 })
    const file = path.join(folder, temporaryName(nodeRandomness))
    try {
      const made = await makeBundle({
        oldManifest: await context.manifests.bytes(head.manifestDigest),
        newManifest: await context.manifests.bytes(this.record.manifestDigest),
        source: {
          open: async (digest) => {
            const object = await context.objects.open(digest)
            if (object === undefined) throw new Error(`object ${digest} is gone`)
            return object
          },
        },
        outputPath: file,
        effort: 'fast',
        signal: this.#abort.signal,
      })
      return { from: head.release, sha256: made.sha256, bytes: made.bytes, file }
    } catch (error) {
      await removeIfPresent(context.fs, file)
      throw error
    }
  }
}
