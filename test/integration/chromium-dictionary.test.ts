import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { brotliCompressSync } from 'node:zlib'
import forge from 'node-forge'
import t from 'tap'
import { encodeDcz } from '../../delta/dictionary/index.ts'
import { digestOf } from '../../protocol/index.ts'
import { digestOfIdentifier } from '../../protocol/drp/index.ts'
import {
  chooseRepresentation,
  type DeltaOffer,
  type Representation,
  type Resource,
  type Version,
} from '../../serving/representations/index.ts'

// A plain Chromium, none of our code in it, loads a page over HTTPS, the page changes, and the
// second load costs a difference. Bytes are counted on the server.

const browser = [
  process.env['LONGWAVE_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((file) => file !== undefined && existsSync(file))

/** About 300 KB that do not compress to nothing: every line has digits of its own. */
function page(release: number): Buffer {
  const lines: string[] = []
  for (let i = 0; i < 4000; i++) {
    const changed = release > 1 && i % 400 === 7 ? ` changed in release ${release}` : ''
    lines.push(`${i} ${createHash('sha256').update(String(i)).digest('base64')}${changed}`)
  }
  const text = lines.join('\n')
  return Buffer.from(`<!doctype html><title>${release}</title><pre id="data">${text}</pre>`)
}

function dataOf(html: Buffer): string {
  return /<pre id="data">([^<]*)</.exec(html.toString())?.[1] ?? ''
}

/** A certificate for localhost, and the flag by which Chromium takes exactly this key. */
function certificate(): { readonly key: string; readonly cert: string; readonly flag: string } {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const cert = forge.pki.createCertificate()
  cert.publicKey = forge.pki.publicKeyFromPem(
    pair.publicKey.export({ type: 'spki', format: 'pem' }) as string,
  )
  cert.serialNumber = '01'
  cert.validity.notBefore = new Date(Date.now() - 86_400_000)
  cert.validity.notAfter = new Date(Date.now() + 86_400_000)
  cert.setSubject([{ name: 'commonName', value: 'localhost' }])
  cert.setIssuer([{ name: 'commonName', value: 'localhost' }])
  cert.setExtensions([{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }])
  cert.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create())
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' })
  const pin = createHash('sha256').update(spki).digest('base64')
  return {
    key,
    cert: forge.pki.certificateToPem(cert),
    flag: `--ignore-certificate-errors-spki-list=${pin}`,
  }
}

interface Exchange {
  readonly request: IncomingHttpHeaders
  readonly answer: Representation
  readonly bodyBytes: number
}

/** One file with its versions, as a transmitter would keep it. */
class Site {
  readonly exchanges: Exchange[] = []
  readonly #bodies = new Map<string, Buffer>()
  #current: Version
  #older: Version[] = []

  constructor(content: Buffer) {
    this.#current = this.#store(content)
  }

  publish(content: Buffer): void {
    this.#older = [...this.#older, this.#current]
    this.#current = this.#store(content)
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url !== '/demo/files/page.html') {
      response.writeHead(404).end()
      return
    }
    const { headers, method = 'GET' } = request
    const answer = chooseRepresentation({ method, headers, resource: this.#resource() })
    const body = this.#bodyOf(answer)
    this.exchanges.push({ request: headers, answer, bodyBytes: body.byteLength })
    response.writeHead(answer.status, answer.headers).end(body)
  }

  #store(content: Buffer): Version {
    const sha256 = digestOf(content)
    this.#bodies.set(sha256, content)
    return { sha256, size: content.byteLength, mime: 'text/html; charset=utf-8' }
  }

  #resource(): Resource {
    return {
      path: '/demo/files/page.html',
      current: this.#current,
      older: (id) => this.#older.find(({ sha256 }) => sha256 === digestOfIdentifier(id)),
      formats: ['dcz'],
      delta: (_format, from, to) => this.#delta(from, to),
      caching: { audience: 'public', maxAgeSeconds: 0, staleSeconds: 3600 },
    }
  }

  #delta(from: Version, to: Version): DeltaOffer | undefined {
    const [old, next] = [this.#bodies.get(from.sha256), this.#bodies.get(to.sha256)]
    if (old === undefined || next === undefined) return undefined
    const body = Buffer.from(encodeDcz(old, next))
    const sha256 = digestOf(body)
    this.#bodies.set(sha256, body)
    return { state: 'ready', sha256, bytes: body.byteLength }
  }

  #bodyOf({ body }: Representation): Buffer {
    if (body.kind === 'whole') return this.#bodies.get(body.sha256) ?? Buffer.alloc(0)
    if (body.kind !== 'dcz') return Buffer.alloc(0)
    return this.#bodies.get(body.ready?.sha256 ?? '') ?? Buffer.alloc(0)
  }
}

/** The DevTools protocol over two pipes: messages end with NUL. */
class DevTools {
  readonly #input: Writable
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>()
  readonly #listeners = new Map<string, () => void>()
  #nextId = 1
  #held = ''

  constructor(child: ChildProcess) {
    this.#input = child.stdio[3] as Writable
    const output = child.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (text: string) => this.#take(text))
  }

  send(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = this.#nextId++
    this.#input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  /** Resolves at the next event of this name. */
  next(event: string): Promise<void> {
    return new Promise((resolve) => this.#listeners.set(event, resolve))
  }

  #take(text: string): void {
    const messages = (this.#held + text).split('\0')
    this.#held = messages.pop() ?? ''
    for (const message of messages) {
      const { id, method, result, error } = JSON.parse(message) as {
        id?: number
        method?: string
        result?: Record<string, unknown>
        error?: unknown
      }
      if (id !== undefined) this.#answers.get(id)?.(result ?? { error })
      if (method !== undefined) this.#listeners.get(method)?.()
    }
  }
}

/** One tab of a fresh profile. */
class Tab {
  readonly #tools: DevTools
  readonly #session: string

  static async open(tools: DevTools): Promise<Tab> {
    const { targetId } = await tools.send('Target.createTarget', { url: 'about:blank' })
    const attach = { targetId, flatten: true }
    const { sessionId } = await tools.send('Target.attachToTarget', attach)
    const tab = new Tab(tools, String(sessionId))
    await tools.send('Page.enable', {}, String(sessionId))
    // The empty page's own load event must not be taken for that of the first page.
    await tab.evaluate(whenLoaded)
    return tab
  }

  private constructor(tools: DevTools, session: string) {
    this.#tools = tools
    this.#session = session
  }

  async load(url: string | undefined): Promise<void> {
    const loaded = this.#tools.next('Page.loadEventFired')
    if (url === undefined) await this.#tools.send('Page.reload', {}, this.#session)
    else await this.#tools.send('Page.navigate', { url }, this.#session)
    await loaded
  }

  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, awaitPromise: true }
    const answer = await this.#tools.send('Runtime.evaluate', params, this.#session)
    return (answer['result'] as { value?: unknown } | undefined)?.value
  }
}

const whenLoaded = `new Promise((resolve) => {
  if (document.readyState === 'complete') resolve()
  else addEventListener('load', () => resolve())
})`

const dataHash = `(async () => {
  const text = document.getElementById('data').textContent
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
})()`

const flags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-pipe',
]

async function withBrowser(
  program: string,
  more: readonly string[],
  use: (tab: Tab) => Promise<void>,
): Promise<void> {
  const profile = await mkdtemp(path.join(os.tmpdir(), 'longwave-chromium-'))
  const child = spawn(program, [...flags, ...more, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  try {
    const tools = new DevTools(child)
    await use(await Tab.open(tools))
    tools.send('Browser.close')
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    await exited
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

const title = 'C115: a plain Chromium gets a difference of a changed page (RFC 9842)'

if (browser === undefined) {
  if (process.env['LONGWAVE_CI'] === '1') t.fail(`${title}: Chromium is not installed`)
  else t.test(title, { skip: 'Chromium is not installed' }, async () => undefined)
} else {
  t.test(title, { timeout: 60_000 }, async (t) => {
    const { key, cert, flag } = certificate()
    const [first, second] = [page(1), page(2)]
    const site = new Site(first)
    const server = createServer({ key, cert }, (request, response) =>
      site.answer(request, response),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const hosts = '--host-resolver-rules=MAP localhost 127.0.0.1'
    try {
      await withBrowser(browser, [flag, hosts], async (tab) => {
        await tab.load(`https://localhost:${port}/demo/files/page.html`)
        const whole = site.exchanges[0]
        t.equal(whole?.answer.status, 200)
        t.equal(whole?.bodyBytes, first.byteLength)
        t.match(whole?.answer.headers['Use-As-Dictionary'], /match="\/demo\/files\/page.html"/)

        // The browser stores dictionaries beside loading: it has done so once it offers it.
        const offered = (): boolean =>
          site.exchanges.at(-1)?.request['available-dictionary'] !== undefined
        for (let loads = 0; loads < 50 && !offered(); loads++) await tab.load(undefined)
        t.equal(site.exchanges.at(-1)?.answer.status, 304, 'an unchanged page costs no body')

        site.publish(second)
        await tab.load(undefined)
        const { request, answer, bodyBytes } = site.exchanges.at(-1) as Exchange
        t.match(request['accept-encoding'], /\bdcz\b/)
        const hash = createHash('sha256').update(first).digest('base64')
        t.equal(request['available-dictionary'], `:${hash}:`)
        t.equal(answer.status, 200)
        t.equal(answer.headers['Content-Encoding'], 'dcz')
        t.equal(await tab.evaluate(dataHash), digestOf(dataOf(second)), 'the page is the new one')
        const brotli = brotliCompressSync(second).byteLength
        t.comment(`whole ${second.byteLength}, brotli ${brotli}, dcz ${bodyBytes} bytes`)
        t.ok(bodyBytes < brotli / 50, 'far fewer bytes than the compressed page')
      })
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
}
