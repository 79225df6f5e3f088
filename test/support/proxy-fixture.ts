import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import {
  createProxy,
  type ProxyOptions,
  type ProxyServer,
  type ProxyStatus,
} from '../../proxy/index.ts'
import { createLogger } from '../../serving/index.ts'
import { type FakeOrigin, startFakeOrigin } from './proxy-origin.ts'

/** A proxy before a fake origin. */
export interface ProxyFixture {
  readonly origin: FakeOrigin
  readonly proxy: ProxyServer
  readonly directory: string
  /** The proxy's own URL. */
  readonly url: string
  /** The proxy's URL for a path below the origin's channel `site`. */
  via(rest: string): string
  status(): Promise<ProxyStatus>
  /** Waits until no download is under way. */
  settled(): Promise<void>
  /** Stops the proxy and starts another one on the same folder. */
  restart(options?: Partial<ProxyOptions>): Promise<ProxyFixture>
}

interface Test {
  teardown(work: () => Promise<unknown>): unknown
}

/** Starts both; they end with the test. */
export async function startProxyFixture(
  t: Test,
  options: Partial<ProxyOptions> & { readonly origin?: FakeOrigin } = {},
): Promise<ProxyFixture> {
  const { origin: given, ...rest } = options
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lw-proxy-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const origin = given ?? (await startFakeOrigin())
  t.teardown(async () => origin[Symbol.asyncDispose]())
  origin.on('/site/trust/timestamp.json', (request, response) => {
    const headers = { etag: '"t1"', 'cache-control': 'public, max-age=0, s-maxage=5' }
    const same = request.headers['if-none-match'] === '"t1"'
    response.writeHead(same ? 304 : 200, headers)
    response.end(same ? undefined : '{"signed":{"channel":"c1"}}')
  })
  return start(t, { origin, directory, options: rest })
}

async function start(
  t: Test,
  parts: {
    readonly origin: FakeOrigin
    readonly directory: string
    readonly options: Partial<ProxyOptions>
  },
): Promise<ProxyFixture> {
  const { origin, directory } = parts
  const proxy = createProxy({
    directory,
    listen: { host: '127.0.0.1', port: 0 },
    origins: [origin.url],
    logger: createLogger({ name: 'test', level: 'silent' }),
    ...parts.options,
  })
  const url = await proxy.start()
  t.teardown(() => proxy.stop())
  const status = async () => (await (await fetch(`${url}/-/status`)).json()) as ProxyStatus
  return {
    origin,
    proxy,
    directory,
    url,
    status,
    async settled() {
      while ((await status()).fillsRunning > 0);
    },
    via: (rest) => `${url}/-/via/${encodeURIComponent(origin.url)}/site/${rest}`,
    async restart(options = {}) {
      await proxy.stop()
      return start(t, { origin, directory, options: { ...parts.options, ...options } })
    },
  }
}
