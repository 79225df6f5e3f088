import path from 'node:path'
import { isLongwaveError, limits as formatLimits } from '../../protocol/index.ts'
import { type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import type { FeedbackQueue, NewFeedback } from './feedback-queue.ts'
import { feedbackLimits as limits } from './limits.ts'

const outboxFile = /^\d{15}-\d{9}-[0-9a-f]{12}\.json$/

/**
 * Takes over what a channel appended while no tuner ran: files in its own folder, oldest first,
 * each once however often a crash interrupts this. What is not well formed is left there, with
 * `.refused` behind its name.
 */
export async function absorbOutbox(
  fs: FileSystem,
  queue: FeedbackQueue,
  from: { readonly subscription: string; readonly dataDirectory: string },
): Promise<number> {
  const directory = path.join(from.dataDirectory, 'outbox')
  const names = (await namesIn(fs, directory)).filter((name) => outboxFile.test(name)).sort()
  let absorbed = 0
  for (let at = 0; at < names.length; at += limits.outboxGroup) {
    const entries: { name: string; feedback: NewFeedback }[] = []
    for (const name of names.slice(at, at + limits.outboxGroup)) {
      const feedback = await loadEntry(fs, path.join(directory, name))
      if (feedback !== undefined) entries.push({ name, feedback })
      else await fs.rename(path.join(directory, name), path.join(directory, `${name}.refused`))
    }
    try {
      await queue.absorb(from.subscription, entries)
    } catch (error) {
      // The rest stays where it is until the queue has room.
      if (isLongwaveError(error, 'LW_FEEDBACK_FULL')) return absorbed
      throw error
    }
    for (const { name } of entries) await fs.unlink(path.join(directory, name))
    await fs.syncDirectory(directory)
    await queue.forgetAbsorbed(
      from.subscription,
      entries.map(({ name }) => name),
    )
    absorbed += entries.length
  }
  return absorbed
}

async function namesIn(fs: FileSystem, directory: string): Promise<readonly string[]> {
  try {
    return (await fs.readdir(directory))
      .filter((entry) => entry.type === 'file')
      .map((entry) => entry.name)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

async function loadEntry(fs: FileSystem, file: string): Promise<NewFeedback | undefined> {
  const stats = await fs.lstat(file)
  if (stats.size > 2 * formatLimits.feedbackEntryBytesMax) return undefined
  try {
    const value = JSON.parse((await fs.readFile(file)).toString('utf8')) as Record<string, unknown>
    const { at, type, data } = value
    if (typeof at !== 'string' || typeof type !== 'string' || typeof data !== 'string') {
      return undefined
    }
    const bytes = Buffer.from(data, 'base64')
    const isFit =
      bytes.byteLength <= formatLimits.feedbackEntryBytesMax &&
      /^[ -~]{1,128}$/.test(type) &&
      !Number.isNaN(Date.parse(at)) &&
      at.length <= 32
    return isFit ? { at, type, data: bytes } : undefined
  } catch {
    return undefined
  }
}
