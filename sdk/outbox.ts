import { systemClock } from '../transport/index.ts'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { limits as formatLimits, updateError } from '../protocol/index.ts'
import { ensureDirectory, nodeFileSystem, writeFileDurably } from '../store/durable-files/index.ts'
import { sdkLimits as limits } from './limits.ts'

let counter = 0

/**
 * Keeps feedback in the channel's own folder while no tuner runs: one file an entry, durable when
 * this returns. The tuner takes them over with its next update, each once.
 * @throws LW_FEEDBACK_FULL, LW_FEEDBACK_TOO_LARGE
 */
export async function appendToOutbox(
  dataDirectory: string,
  feedback: { readonly data: Uint8Array; readonly type: string },
): Promise<void> {
  if (feedback.data.byteLength > formatLimits.feedbackEntryBytesMax) {
    throw updateError('LW_FEEDBACK_TOO_LARGE')
  }
  const directory = path.join(dataDirectory, 'outbox')
  await ensureDirectory(nodeFileSystem, directory, { mode: 0o700 })
  const entries = await nodeFileSystem.readdir(directory)
  // Entries of the largest size fill the bytes before the count does.
  const entriesMax = Math.min(
    limits.outboxEntriesMax,
    Math.floor(limits.outboxBytesMax / Math.max(1, feedback.data.byteLength)),
  )
  if (entries.length >= entriesMax) throw updateError('LW_FEEDBACK_FULL')
  const nowMs = systemClock.now()
  counter += 1
  const name = [
    String(nowMs).padStart(15, '0'),
    String(counter).padStart(9, '0'),
    randomBytes(6).toString('hex'),
  ].join('-')
  const text = JSON.stringify({
    at: new Date(nowMs).toISOString(),
    type: feedback.type,
    data: Buffer.from(feedback.data).toString('base64'),
  })
  await writeFileDurably(nodeFileSystem, path.join(directory, `${name}.json`), text, {
    mode: 0o600,
  })
}
