import type { Digest } from '../protocol/index.ts'
import { mirroringError } from './errors.ts'
import { type FetchContext, type FetchProgress, requestOptions } from './fetch-context.ts'
import { hashHandle, ignoreMissing, type StagingArea } from './staging-area.ts'

/** Something of known size whose URL names the hash of its bytes. */
export interface Download {
  readonly url: string
  readonly sha256: Digest
  /** Bytes. */
  readonly size: number
  readonly stage: FetchProgress['stage']
  /** There is another way to what it is for: one that stalls is given up sooner. */
  readonly replaceable?: boolean
}

/**
 * Brings exactly the named bytes into `partial/SHA256`, continuing what an earlier run left there.
 * When that turns out to be damaged it begins once more from nothing.
 * @returns the file, verified, and the bytes that crossed the network
 * @throws LW_MIRROR_OBJECT, transfer errors
 */
export async function downloadVerified(
  context: FetchContext,
  download: Download,
): Promise<{ readonly file: string; readonly received: number }> {
  let received = 0
  for (;;) {
    const partial = await downloadToPartial(context, download)
    received += partial.received
    if (partial.digest === download.sha256) return { file: partial.file, received }
    await discardPartial(context.staging, download.sha256)
    if (partial.resumedFrom > 0) continue
    throw mirroringError('LW_MIRROR_OBJECT', {
      detail: `${download.sha256.slice(0, 16)}… arrived with other bytes.`,
      members: { object: download.sha256 },
    })
  }
}

/** The hash is taken from the file, so that it covers what really lies on the disk. */
async function downloadToPartial(
  context: FetchContext,
  download: Download,
): Promise<{
  readonly file: string
  readonly digest: Digest
  readonly received: number
  readonly resumedFrom: number
}> {
  const { staging, transport } = context
  const { size, stage } = download
  const file = staging.partialPath(download.sha256)
  const handle = await openPartial(staging, file)
  try {
    const resumedFrom = Math.min((await handle.stat()).size, size)
    let offset = resumedFrom
    let received = 0
    if (offset < size) {
      await transport.fetchToSink(download.url, {
        ...requestOptions(context),
        expectedBytes: size,
        bytesMax: size,
        // The URL names the hash of its bytes: a part needs no entity tag to belong to the rest.
        immutable: true,
        ...(download.replaceable === undefined ? {} : { replaceable: download.replaceable }),
        resume: { offset },
        sink: {
          write: async (chunk) => {
            await handle.write(chunk, offset)
            offset += chunk.byteLength
            received += chunk.byteLength
            context.onProgress?.({ stage, doneBytes: offset, totalBytes: size })
          },
          restart: async () => {
            await handle.truncate(0)
            offset = 0
          },
        },
      })
    }
    return { file, digest: await hashHandle(handle), received, resumedFrom }
  } finally {
    await handle.close()
  }
}

async function openPartial(staging: StagingArea, file: string) {
  const fs = staging.fileSystem
  await (await fs.open(file, 'a', 0o600)).close()
  return fs.open(file, 'r+')
}

/** Removes a partial download that must not be continued. */
export async function discardPartial(staging: StagingArea, sha256: Digest): Promise<void> {
  await staging.fileSystem.unlink(staging.partialPath(sha256)).catch(ignoreMissing)
}
