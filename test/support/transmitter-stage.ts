// A transmitter in a folder of its own, and a publisher that speaks its wire by hand: every step
// of a publish can be made, left out or falsified by itself.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  type ChannelName,
  type CommitRequest,
  type CommitResult,
  comparePaths,
  type Digest,
  digestOf,
  encodeManifest,
  type FileEntry,
  formatPartName,
  type Manifest,
  manifestFormat,
  manifestId,
  type PartName,
  type PublishState,
  parseEntryPath,
  totalsOf,
  type UploadState,
} from '../../protocol/index.ts'
import { createLogger } from '../../serving/index.ts'
import {
  createTransmitter,
  type Transmitter,
  type TransmitterOptions,
} from '../../transmitter/index.ts'
import {
  channelIdOf,
  createRoot,
  createTargets,
  generateKeyPair,
  type KeyPair,
  lifetimesMs,
  nextRoot,
  publicKeyFromHex,
  type RootOffices,
  timeText,
} from '../../trust/index.ts'

export interface TransmitterStage {
  readonly directory: string
  readonly url: string
  readonly token: string
  readonly transmitter: Transmitter
  /** Stops the transmitter and starts another one on the same data. */
  restart(): Promise<TransmitterStage>
}

type Test = { teardown(done: () => unknown): void }

/** A folder that is removed at the end of a test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lw-transmitter-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a transmitter on 127.0.0.1. */
export async function startTransmitter(
  t: Test,
  options: Partial<TransmitterOptions> = {},
): Promise<TransmitterStage> {
  const directory = options.directory ?? path.join(temporaryFolder(t), 'transmitter')
  const transmitter = createTransmitter({
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'test', level: 'silent' }),
    ...options,
    directory,
  })
  const url = await transmitter.start()
  t.teardown(() => transmitter.stop())
  const token = readFileSync(path.join(directory, 'publish-token'), 'utf8').trim()
  return {
    directory,
    url,
    token,
    transmitter,
    async restart() {
      await transmitter.stop()
      return startTransmitter(t, { ...options, directory })
    },
  }
}

export type Contents = Readonly<Record<string, string | Uint8Array>>

export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

/** One release on its way. */
export interface Draft {
  readonly manifest: Manifest
  readonly bytes: Uint8Array
  readonly id: Digest
  readonly contents: ReadonlyMap<string, Uint8Array>
}

/** A channel's keys, and what its owner knows of it. */
export class RawPublisher {
  readonly url: string
  readonly name: string
  token: string
  readonly recovery: KeyPair
  readonly signer: KeyPair
  roots: Uint8Array[] = []
  targetsVersion = 0
  release = 0
  last: Draft | undefined

  /** @param like whose keys and channel this publisher shares */
  constructor(stage: Pick<TransmitterStage, 'url' | 'token'>, name: string, like?: RawPublisher) {
    this.recovery = like?.recovery ?? generateKeyPair()
    this.signer = like?.signer ?? generateKeyPair()
    this.roots = [...(like?.roots ?? [])]
    this.targetsVersion = like?.targetsVersion ?? 0
    this.release = like?.release ?? 0
    this.url = stage.url
    this.name = name
    this.token = stage.token
  }

  get channelId(): Digest {
    const first = this.roots[0]
    if (first === undefined) throw new Error('the channel has no root yet')
    return channelIdOf(first)
  }

  async call<Body = Record<string, unknown>>(
    route: string,
    init: RequestInit = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}/${this.name}${route}`, {
      ...init,
      headers: { authorization: `Bearer ${this.token}`, ...init.headers },
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    const body = (isJson && text !== '' ? JSON.parse(text) : text) as Body
    return { status: response.status, headers: response.headers, body }
  }

  state(): Promise<Answer<PublishState>> {
    return this.call<PublishState>('/releases')
  }

  /** Makes the first root once the online key is known. */
  async makeRoot(): Promise<void> {
    if (this.roots.length > 0) return
    const { onlineKey } = (await this.state()).body
    this.roots = [
      createRoot({
        recoveryKeys: [this.recovery],
        rootThreshold: 1,
        targetsKeys: [this.signer],
        targetsThreshold: 1,
        onlineKeys: [publicKeyFromHex(onlineKey)],
        nonce: randomBytes(16),
        expires: timeText(Date.now() + lifetimesMs.root),
      }),
    ]
  }

  rotate(changes: Partial<RootOffices>): Uint8Array {
    const previous = this.roots.at(-1)
    if (previous === undefined) throw new Error('the channel has no root yet')
    return nextRoot(previous, {
      changes,
      expires: timeText(Date.now() + lifetimesMs.root),
      signers: [this.recovery],
    })
  }

  draft(contents: Contents, changes: Partial<Manifest> = {}): Draft {
    const entries: FileEntry[] = []
    const bytesOf = new Map<string, Uint8Array>()
    for (const [name, content] of Object.entries(contents)) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content
      const sha256 = digestOf(bytes)
      bytesOf.set(sha256, bytes)
      const mime = name.endsWith('.html') ? 'text/html' : 'application/octet-stream'
      const size = bytes.byteLength
      entries.push({ type: 'file', path: parseEntryPath(name), size, sha256, mode: '0644', mime })
    }
    entries.sort((a, b) => comparePaths(a.path, b.path))
    const manifest: Manifest = {
      format: manifestFormat,
      channel: this.channelId,
      name: this.name as ChannelName,
      release: this.release + 1,
      kind: 'files',
      published: timeText(Date.now()),
      entries,
      ...changes,
    }
    const bytes = encodeManifest(manifest)
    return { manifest, bytes, id: manifestId(bytes), contents: bytesOf }
  }

  begin(draft: Draft, query = ''): Promise<Answer<UploadState>> {
    return this.call<UploadState>(`/releases${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.longwave.manifest+json' },
      body: draft.bytes,
    })
  }

  /** Sends parts as one multipart body. */
  send(upload: string, parts: readonly Part[]): Promise<Answer> {
    const form = new FormData()
    for (const { name, bytes } of parts) {
      const text = typeof name === 'string' ? name : formatPartName(name)
      form.append(text, new Blob([bytes]), 'part')
    }
    return this.call(`/releases/${upload}/objects`, { method: 'POST', body: form })
  }

  /** Sends all that is missing as whole objects. */
  sendMissing(draft: Draft, state: UploadState): Promise<Answer> {
    const parts = state.missing.map(
      ({ sha256 }): Part => ({
        name: { kind: 'object', sha256 },
        bytes: draft.contents.get(sha256) ?? new Uint8Array(),
      }),
    )
    return this.send(state.upload, parts)
  }

  commitRequest(draft: Draft, changes: { readonly ended?: true } = {}): CommitRequest {
    const isFirst = this.targetsVersion === 0
    const targets = createTargets({
      version: this.targetsVersion + 1,
      channelId: this.channelId,
      manifest: {
        sha256: draft.id,
        bytes: draft.bytes.byteLength,
        release: draft.manifest.release,
        ...(draft.manifest.label === undefined ? {} : { label: draft.manifest.label }),
        ...totalsOf(draft.manifest),
        ...changes,
      },
      expires: timeText(Date.now() + lifetimesMs.targets),
      signers: [this.signer],
    })
    return {
      replaces: this.targetsVersion,
      roots: isFirst ? this.roots.map((root) => Buffer.from(root).toString()) : [],
      targets: Buffer.from(targets).toString(),
    }
  }

  commit(upload: string, request: CommitRequest): Promise<Answer<CommitResult>> {
    return this.call<CommitResult>(`/releases/${upload}/commit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
  }

  /** Takes over what the transmitter says is the head, as after a lost race. */
  async catchUp(): Promise<void> {
    const { body } = await this.state()
    this.release = body.release
    this.targetsVersion = body.targetsVersion
  }

  /** Notes that a draft has become the head. */
  settle(draft: Draft): void {
    this.release = draft.manifest.release
    this.targetsVersion++
    this.last = draft
  }

  /** Publishes in full; fails loudly. */
  async publish(
    contents: Contents,
    changes: Partial<Manifest> & { readonly ended?: true } = {},
  ): Promise<CommitResult> {
    await this.makeRoot()
    const { ended, ...attributes } = changes
    const draft = this.draft(contents, attributes)
    const begun = await this.begin(draft)
    if (begun.status !== 200) throw new Error(`begin: ${JSON.stringify(begun.body)}`)
    if (begun.body.missing.length > 0) {
      const sent = await this.sendMissing(draft, begun.body)
      if (sent.status !== 200) throw new Error(`objects: ${JSON.stringify(sent.body)}`)
    }
    const request = this.commitRequest(draft, ended === undefined ? {} : { ended })
    const result = await this.commit(begun.body.upload, request)
    if (result.status !== 200) throw new Error(`commit: ${JSON.stringify(result.body)}`)
    this.settle(draft)
    return result.body
  }

  /** What readers see: the head's number, or 0. */
  async headRelease(): Promise<number> {
    const { status, body } = await this.call<{ readonly release: number }>('', {
      headers: { accept: 'application/json' },
    })
    return status === 200 ? body.release : 0
  }
}

export interface Part {
  readonly name: PartName | string
  readonly bytes: Uint8Array
}

/** Bytes that no compressor makes smaller. */
export function noise(bytes: number): Uint8Array {
  return randomBytes(bytes)
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
