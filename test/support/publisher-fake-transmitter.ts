import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliDecompressSync } from 'node:zlib'
import { applyGdiff } from '../../delta/gdiff/index.ts'
import { makeSignature } from '../../delta/signature/index.ts'
import {
  type CommitRequest,
  type CommitResult,
  type Digest,
  digestOf,
  filesOf,
  isLongwaveError,
  type Manifest,
  parseManifest,
  parsePartName,
  type PublishState,
  type UploadState,
} from '../../protocol/index.ts'
import {
  channelIdOf,
  generateKeyPair,
  parseRoot,
  parseTargets,
  renewOnline,
  verifyCommit,
} from '../../trust/index.ts'

interface Upload {
  readonly manifest: Manifest
  readonly digest: Digest
  readonly delivered: Map<string, Buffer>
  readonly partial: Map<string, Buffer>
}

/** What a test may change while the fake runs. */
export interface FakeBehaviour {
  codings?: string[]
  requestBytesMax?: number
  /** Called before each request is handled; throwing a number answers that status. */
  before?: (method: string, path: string) => void | Promise<void>
  /** Alters a file under `trust/` on its way out. */
  trust?: (file: string, bytes: Buffer | undefined) => Buffer | undefined
}

/**
 * The publishing side of a transmitter in memory, after the wire contract and nothing else: one
 * channel, no token. It keeps a log of requests and of the names of the parts that it received.
 */
export class FakeTransmitter {
  readonly behaviour: FakeBehaviour = {}
  readonly requests: string[] = []
  readonly parts: string[] = []
  online = generateKeyPair()
  clock: { now(): number } = Date
  readonly #others = generateKeyPair()
  readonly #server: Server
  #trust = new Map<string, Buffer>()
  #objects = new Map<string, Buffer>()
  #uploads = new Map<string, Upload>()
  #head: Manifest | undefined
  #channelId: Digest | undefined
  #ended = false
  #releases: NonNullable<PublishState['releases']> = []

  constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        if (typeof error === 'number') response.writeHead(error).end()
        else if (isLongwaveError(error)) {
          const { code, status, detail } = error
          response.writeHead(status, { 'content-type': 'application/problem+json' })
          response.end(JSON.stringify({ code, status, detail }))
        } else response.writeHead(500).end(String(error))
      })
    })
  }

  /** @returns the URL of the channel `site`. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/site`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Forgets the channel, as a transmitter does that was set up anew. */
  forget(): void {
    this.#trust = new Map()
    this.#objects = new Map()
    this.#uploads = new Map()
    this.#releases = []
    this.#head = undefined
    this.#channelId = undefined
  }

  get head(): Manifest | undefined {
    return this.#head
  }

  trustFile(file: string): Buffer | undefined {
    return this.#trust.get(file)
  }

  object(sha256: string): Buffer | undefined {
    return this.#objects.get(sha256)
  }

  /** Puts other bytes at an object's place. */
  corrupt(sha256: string, bytes: Buffer): void {
    this.#objects.set(sha256, bytes)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x')
    const [, , area = '', one = '', two = ''] = url.pathname.split('/')
    const method = request.method ?? 'GET'
    this.requests.push(`${method} ${url.pathname}${url.search}`)
    const body = await readBody(request)
    await this.behaviour.before?.(method, url.pathname)
    const json = (value: unknown) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (area === 'trust') return this.#sendTrust(one, response)
    if (area === 'objects') {
      if (two === 'signature')
        return this.#sendSignature(one, Number(url.searchParams.get('block')), response)
      const bytes = this.#objects.get(one)
      if (bytes === undefined) throw 404
      response.writeHead(200).end(bytes)
    } else if (method === 'GET') json(this.#state())
    else if (one === '') {
      const bytes = request.headers['content-encoding'] === 'br' ? brotliDecompressSync(body) : body
      json(this.#begin(bytes, url.searchParams.get('continues')))
    } else if (two === 'objects') json(this.#receive(one, request, body))
    else json(this.#commit(one, JSON.parse(body.toString()) as CommitRequest))
  }

  #sendTrust(file: string, response: ServerResponse): void {
    const known = this.#trust.get(file)
    const bytes = this.behaviour.trust ? this.behaviour.trust(file, known) : known
    if (bytes === undefined) throw 404
    response.writeHead(200).end(bytes)
  }

  async #sendSignature(sha256: string, block: number, response: ServerResponse): Promise<void> {
    const bytes = this.#objects.get(sha256)
    if (bytes === undefined) throw 404
    const pieces: Uint8Array[] = []
    const object = {
      size: bytes.byteLength,
      read: async (position: number, into: Uint8Array) => bytes.copy(into, 0, position),
    }
    for await (const piece of makeSignature(object, block)) pieces.push(Buffer.from(piece))
    response.writeHead(200).end(Buffer.concat(pieces))
  }

  #versionOf(role: 'root' | 'targets'): number {
    const versions = [...this.#trust.keys()].map((file) => {
      const match = /^(\d+)\.(\w+)\.json$/.exec(file)
      return match?.[2] === role ? Number(match[1]) : 0
    })
    return Math.max(0, ...versions)
  }

  #state(): PublishState {
    return {
      channel: this.#channelId ?? null,
      state: this.#ended ? 'ended' : this.#head === undefined ? 'free' : 'active',
      release: this.#head?.release ?? 0,
      targetsVersion: this.#versionOf('targets'),
      rootVersion: this.#versionOf('root'),
      onlineKey: this.online.hex,
      ticketKey: this.#others.hex,
      overlayKey: this.#others.hex,
      pluginAllowed: true,
      retained: this.#releases.map((item) => item.release),
      releases: this.#releases,
    }
  }

  #begin(bytes: Buffer, continues: string | null): UploadState {
    const manifest = parseManifest(bytes)
    const digest = digestOf(bytes)
    const open = [...this.#uploads].find(([, upload]) => upload.digest === digest)
    const id = open?.[0] ?? `u${this.#uploads.size + 1}`
    const earlier = this.#uploads.get(continues ?? '')
    const upload: Upload = open?.[1] ?? {
      manifest,
      digest,
      delivered: new Map(earlier?.delivered),
      partial: new Map(earlier?.partial),
    }
    upload.delivered.set(digest, bytes)
    this.#uploads.set(id, upload)
    const held = new Map((this.#head ? filesOf(this.#head) : []).map((file) => [file.path, file]))
    const objects = new Map(filesOf(manifest).map((file) => [file.sha256 as string, file]))
    const missing = [...objects.values()].filter(({ sha256 }) => !this.#has(upload, sha256))
    const { codings } = this.behaviour
    return {
      upload: id,
      expires: '2100-01-01T00:00:00Z',
      manifest: digest,
      missing: missing.map(({ sha256, size, path }) => {
        const base = held.get(path)
        const received = upload.partial.get(sha256)?.byteLength ?? 0
        return {
          sha256,
          size,
          received,
          ...(base === undefined ? {} : { bases: [{ sha256: base.sha256, size: base.size }] }),
        }
      }),
      reusedObjects: objects.size - missing.length,
      reusedBytes: 0,
      requestBytesMax: this.behaviour.requestBytesMax ?? 1024 * 1024,
      ...(codings === undefined ? {} : { codings }),
    }
  }

  #has(upload: Upload, sha256: string): boolean {
    return upload.delivered.has(sha256) || this.#objects.has(sha256)
  }

  #receive(id: string, request: IncomingMessage, body: Buffer) {
    const upload = this.#uploads.get(id)
    if (upload === undefined) throw 404
    if (body.byteLength > (this.behaviour.requestBytesMax ?? 1024 * 1024)) throw 413
    let stored = 0
    let storedBytes = 0
    for (const { name, content } of splitParts(request, body)) {
      this.parts.push(name)
      const part = parsePartName(name)
      if (part === undefined) throw 400
      const bytes = part.coding === 'br' ? brotliDecompressSync(content) : content
      const whole = this.#wholeOf(upload, part, bytes)
      if (whole === undefined) continue
      if (digestOf(whole) !== part.sha256) throw 422
      upload.delivered.set(part.sha256, whole)
      stored++
      storedBytes += whole.byteLength
    }
    const wanted = new Set(filesOf(upload.manifest).map((file) => file.sha256))
    const missing = [...wanted].filter((sha256) => !this.#has(upload, sha256)).length
    return { stored, storedBytes, missing }
  }

  #wholeOf(
    upload: Upload,
    part: NonNullable<ReturnType<typeof parsePartName>>,
    bytes: Buffer,
  ): Buffer | undefined {
    if (part.kind === 'object') return bytes
    if (part.kind === 'gdiff') {
      const base = this.#objects.get(part.base)
      if (base === undefined) throw 422
      return Buffer.from(applyGdiff(base, bytes, { outputBytesMax: 1e9 }))
    }
    const before = upload.partial.get(part.sha256) ?? Buffer.alloc(0)
    if (before.byteLength !== part.offset) throw 409
    const after = Buffer.concat([before, bytes])
    const file = filesOf(upload.manifest).find((item) => item.sha256 === part.sha256)
    upload.partial.set(part.sha256, after)
    return after.byteLength === file?.size ? after : undefined
  }

  #commit(id: string, request: CommitRequest): CommitResult {
    const upload = this.#uploads.get(id)
    if (upload === undefined) throw 404
    const before = this.#versionOf('targets')
    if (request.replaces !== before) throw 409
    const nowMs = this.clock.now()
    const rootBytes = this.#trust.get(`${this.#versionOf('root')}.root.json`)
    const verified = verifyCommit({
      current:
        this.#channelId === undefined || rootBytes === undefined
          ? undefined
          : {
              channelId: this.#channelId,
              root: rootBytes,
              targets: this.#trust.get(`${before}.targets.json`),
            },
      roots: request.roots.map((text) => Buffer.from(text)),
      targets: request.targets === undefined ? undefined : Buffer.from(request.targets),
      nowMs,
      onlineKeyId: this.online.keyId,
    })
    if (verified.head.sha256 !== upload.digest) throw 422
    for (const { sha256 } of filesOf(upload.manifest)) if (!this.#has(upload, sha256)) throw 409
    this.#switch(upload, request, verified)
    return {
      channel: verified.channelId,
      release: verified.head.release,
      manifest: upload.digest,
      targetsVersion: verified.targetsVersion,
      rootVersion: verified.rootVersion,
      published: upload.manifest.published,
      repeated: false,
      repeaters: [],
      warnings: [],
    }
  }

  #switch(upload: Upload, request: CommitRequest, verified: ReturnType<typeof verifyCommit>): void {
    for (const text of request.roots) {
      const bytes = Buffer.from(text)
      this.#trust.set(`${parseRoot(bytes).view.version}.root.json`, bytes)
      if (this.#channelId === undefined) this.#channelId = channelIdOf(bytes)
    }
    const { targetsVersion, head, channelId } = verified
    const targets = Buffer.from(verified.targets)
    this.#trust.set(`${targetsVersion}.targets.json`, targets)
    for (const [digest, bytes] of upload.delivered) this.#objects.set(digest, bytes)
    if (verified.isNewRelease) {
      this.#releases.push({
        release: head.release,
        manifest: head.sha256,
        targetsVersion,
        published: upload.manifest.published,
      })
    }
    this.#head = upload.manifest
    this.#ended = parseTargets(targets).view.head.ended === true
    this.#resign(channelId, targets)
  }

  /** Snapshot and timestamp signed anew, as a transmitter does every day. */
  resign(): void {
    const targets = this.#trust.get(`${this.#versionOf('targets')}.targets.json`)
    if (targets !== undefined) this.#resign(parseTargets(targets).view.channelId, targets)
  }

  #resign(channelId: Digest, targets: Uint8Array): void {
    const stamp = this.#trust.get('timestamp.json')
    const shots = [...this.#trust.keys()].filter((file) => file.endsWith('.snapshot.json'))
    const snapshot = this.#trust.get(`${shots.length}.snapshot.json`)
    const online = renewOnline({
      channelId,
      targets,
      ...(stamp === undefined || snapshot === undefined
        ? {}
        : { previous: { snapshot, timestamp: stamp } }),
      nowMs: this.clock.now(),
      lifetimeMs: 7 * 86_400_000,
      signer: this.online,
    })
    this.#trust.set(`${online.snapshotVersion}.snapshot.json`, Buffer.from(online.snapshot))
    this.#trust.set('timestamp.json', Buffer.from(online.timestamp))
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

function* splitParts(request: IncomingMessage, body: Buffer) {
  const boundary = /boundary=(\S+)$/.exec(request.headers['content-type'] ?? '')?.[1] ?? ''
  const line = Buffer.from(`--${boundary}`)
  for (let at = body.indexOf(line); at !== -1; ) {
    const next = body.indexOf(line, at + line.byteLength)
    if (next === -1) return
    const head = body.indexOf('\r\n\r\n', at)
    const name = /name="([^"]+)"/.exec(body.toString('latin1', at, head))?.[1] ?? ''
    yield { name, content: body.subarray(head + 4, next - 2) }
    at = next
  }
}
