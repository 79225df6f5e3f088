import mime from 'mime'
import {
  canonicalJson,
  type Digest,
  digestOf,
  limits as formatLimits,
  type Manifest,
  type OverlayStatement,
  type ReplyStatement,
  type UpdateAnswer,
  type UpdateRequest,
  whyNotOverlay,
} from '../../protocol/index.ts'
import type { ChannelRecord, ReleaseRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { pluginError } from './errors.ts'
import type { PluginReturn } from './messages.ts'

/** For whom a plug-in's results are signed. */
export interface ResultOwner {
  readonly channel: ChannelRecord
  readonly release: ReleaseRecord
  readonly tuner: Digest
  readonly request: UpdateRequest
}

/**
 * The reply as it travels; undefined when the tuner holds it already.
 * @throws LW_PLUGIN_ANSWER
 */
export async function signReply(
  context: TransmitterContext,
  owner: ResultOwner,
  reply: PluginReturn['reply'],
): Promise<UpdateAnswer['reply']> {
  if (reply === undefined) return undefined
  if (reply === null) return owner.request.replyHeld === undefined ? undefined : null
  const data = Buffer.from(reply.data, 'base64')
  if (data.byteLength > formatLimits.replyBytesMax) {
    throw pluginError('LW_PLUGIN_ANSWER', { detail: 'The reply is too large.' })
  }
  const sha256 = digestOf(data)
  if (owner.request.replyHeld === sha256) return undefined
  const statement: ReplyStatement = {
    format: 'longwave-reply-1',
    channel: owner.channel.channelId,
    tuner: owner.tuner,
    request: owner.request.request,
    type: reply.type,
    sha256,
  }
  const key = await context.keys.key(owner.channel.name, 'overlay')
  const signature = key.sign(Buffer.from(canonicalJson({ ...statement })))
  return {
    sha256,
    type: reply.type,
    data: data.toString('base64'),
    signature: Buffer.from(signature).toString('base64'),
  }
}

/**
 * The overlay as it travels; undefined when the tuner holds it already. Nothing is written while
 * a tuner's overlay stays what it was.
 * @throws LW_PLUGIN_ANSWER
 */
export async function signOverlay(
  context: TransmitterContext,
  owner: ResultOwner,
  files: PluginReturn['files'],
): Promise<UpdateAnswer['overlay']> {
  if (files === undefined) return undefined
  const { manifest } = await context.manifests.load(owner.release.manifestDigest)
  const listed = listFiles(manifest, files)
  const { overlays } = context.records
  const { channel, tuner, release, request } = owner
  for (;;) {
    const present = await overlays.find(channel.name, tuner)
    if (present === undefined && listed.length === 0) return undefined
    const isSame = present !== undefined && saysTheSame(present.statement, release.release, listed)
    const { statement, signature } = isSame
      ? present
      : await makeStatement(context, owner, (present?.serial ?? 0) + 1, listed)
    const sent = digestOf(statement) === request.overlayHeld ? undefined : { statement, signature }
    if (isSame) return sent
    const isKept = await overlays.replace(channel.name, {
      tuner,
      release: release.release,
      serial: (present?.serial ?? 0) + 1,
      statement,
      signature,
      files: listed.map(({ file, bytes }) => ({ digest: file.sha256 as Digest, bytes })),
      atMs: context.clock.now(),
    })
    // Another request of this tuner was first: ours goes on top of it.
    if (isKept) return sent
  }
}

interface ListedFile {
  readonly file: OverlayStatement['files'][number]
  readonly bytes: Uint8Array
}

function listFiles(
  manifest: Manifest,
  files: NonNullable<PluginReturn['files']>,
): readonly ListedFile[] {
  const listed = files.map(({ path, mime: type, data }) => {
    const bytes = Buffer.from(data, 'base64')
    const known = type === '' ? (mime.getType(path) ?? 'application/octet-stream') : type
    const file = { path, sha256: digestOf(bytes), size: bytes.byteLength, mime: known }
    return { file, bytes }
  })
  const why = whyNotOverlay(
    manifest,
    listed.map(({ file }) => file),
  )
  if (why !== undefined) throw pluginError('LW_PLUGIN_ANSWER', { detail: `It has ${why}.` })
  return listed.sort((a, b) => (a.file.path < b.file.path ? -1 : 1))
}

function saysTheSame(text: string, release: number, listed: readonly ListedFile[]): boolean {
  const present = JSON.parse(text) as OverlayStatement
  const files = listed.map(({ file }) => file)
  return (
    present.release === release &&
    canonicalJson(present.files as never) === canonicalJson(files as never)
  )
}

async function makeStatement(
  context: TransmitterContext,
  owner: ResultOwner,
  serial: number,
  listed: readonly ListedFile[],
): Promise<{ readonly statement: string; readonly signature: string }> {
  const value: OverlayStatement = {
    format: 'longwave-overlay-1',
    channel: owner.channel.channelId,
    tuner: owner.tuner,
    release: owner.release.release,
    serial,
    files: listed.map(({ file }) => file),
  }
  const statement = canonicalJson(value as never)
  const key = await context.keys.key(owner.channel.name, 'overlay')
  const signature = Buffer.from(key.sign(Buffer.from(statement))).toString('base64')
  return { statement, signature }
}
