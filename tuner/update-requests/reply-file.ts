import path from 'node:path'
import {
  canonicalJson,
  type Digest,
  digestOf,
  limits as formatLimits,
  parseCanonicalJson,
  type ReplyStatement,
  updateError,
  type UpdateAnswer,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  readFileIfPresent,
  removeIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { isSignatureOf, publicKeyFromSpki } from '../../trust/index.ts'

/** A reply of the plug-in as it lies in the channel's `data/`. */
export interface Reply {
  readonly type: string
  readonly sha256: Digest
  readonly received: string
  readonly data: Uint8Array
}

type SentReply = NonNullable<UpdateAnswer['reply']>

/**
 * Checks that a reply was signed for this request of this tuner by the key that the release names.
 * @throws LW_UPDATE_REPLY
 */
export function verifyReply(
  reply: SentReply,
  expected: Pick<ReplyStatement, 'channel' | 'tuner' | 'request'> & { readonly key: string },
): Uint8Array {
  const { channel, tuner, request } = expected
  const data = Buffer.from(reply.data, 'base64')
  const { type, sha256 } = reply
  const statement: ReplyStatement = {
    format: 'longwave-reply-1',
    channel,
    tuner,
    request,
    type,
    sha256,
  }
  const signed = Buffer.from(canonicalJson({ ...statement }))
  const signature = Buffer.from(reply.signature, 'base64')
  const isSound =
    digestOf(data) === sha256 && isSignatureOf(publicKeyFromSpki(expected.key), signed, signature)
  if (!isSound) throw updateError('LW_UPDATE_REPLY')
  return data
}

/** Keeps a reply durably: `reply` is its data, `reply.json` says what they are. */
export async function saveReply(
  fs: FileSystem,
  directory: string,
  reply: Omit<Reply, 'received'> & { readonly nowMs: number },
): Promise<void> {
  await ensureDirectory(fs, directory, { mode: 0o755 })
  const received = new Date(reply.nowMs).toISOString()
  await writeFileDurably(fs, path.join(directory, 'reply'), reply.data, { mode: 0o644 })
  const { type, sha256 } = reply
  // Last: whoever reads it checks that the data are those that it names.
  const facts = canonicalJson({ type, sha256, received })
  await writeFileDurably(fs, path.join(directory, 'reply.json'), facts, { mode: 0o644 })
}

/** The reply that lies in a folder; undefined for none, or one that is just being replaced. */
export async function loadReply(fs: FileSystem, directory: string): Promise<Reply | undefined> {
  const facts = await readFileIfPresent(fs, path.join(directory, 'reply.json'), { bytesMax: 4096 })
  const data = await readFileIfPresent(fs, path.join(directory, 'reply'), {
    bytesMax: formatLimits.replyBytesMax,
  })
  if (facts === undefined || data === undefined) return undefined
  const value = parseCanonicalJson(facts, { bytesMax: 4096 }) as unknown as Omit<Reply, 'data'>
  return digestOf(data) === value.sha256 ? { ...value, data } : undefined
}

export async function removeReply(fs: FileSystem, directory: string): Promise<void> {
  await removeIfPresent(fs, path.join(directory, 'reply.json'))
  await removeIfPresent(fs, path.join(directory, 'reply'))
}
