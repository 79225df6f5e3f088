import { BlockList, isIP } from 'node:net'
import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'

/** An HTTP proxy that requests go through. */
export interface HttpProxy {
  /** Scheme, host and port, without credentials. */
  readonly origin: string
  /** Value of Proxy-Authorization, when the setting carried credentials. */
  readonly authorization: string | undefined
}

/** Chooses the proxy for a URL; `undefined` means a direct connection. */
export type ProxyChooser = (url: URL) => HttpProxy | undefined

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads http_proxy, https_proxy, all_proxy and no_proxy, lower case before upper case. Empty
 * values count as unset. Loopback addresses never go through a proxy.
 * @throws LW_TRANSFER_PROXY when a value is neither empty nor an http(s) address
 */
export function readProxyEnvironment(environment: Environment): ProxyChooser {
  // In a CGI process HTTP_PROXY is the request's Proxy header, an outsider's to choose.
  const httpNames =
    environment['REQUEST_METHOD'] === undefined ? ['http_proxy', 'HTTP_PROXY'] : ['http_proxy']
  const all = ['all_proxy', 'ALL_PROXY']
  const http = readProxy(environment, [...httpNames, ...all])
  const https = readProxy(environment, ['https_proxy', 'HTTPS_PROXY', ...all])
  const bypasses = readBypasses(settingOf(environment, ['no_proxy', 'NO_PROXY'])?.value ?? '')
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : http
    if (proxy === undefined || isLoopback(url.hostname)) return undefined
    return bypasses.some((bypass) => bypass(url)) ? undefined : proxy
  }
}

function settingOf(
  environment: Environment,
  names: readonly string[],
): { readonly name: string; readonly value: string } | undefined {
  for (const name of names) {
    const value = environment[name]?.trim()
    if (value !== undefined && value !== '') return { name, value }
  }
  return undefined
}

function readProxy(environment: Environment, names: readonly string[]): HttpProxy | undefined {
  const setting = settingOf(environment, names)
  if (setting === undefined) return undefined
  const { name, value } = setting
  const refuse = (why: string) =>
    transferError('LW_TRANSFER_PROXY', {
      detail: `The environment variable ${name} ${why}.`,
      next: `Set ${name} to http://HOST:PORT, or unset it.`,
    })
  if (value.length > limits.proxyValueCharactersMax) throw refuse('is too long')
  const text = value.includes('://') ? value : `http://${value}`
  if (!URL.canParse(text)) throw refuse('is not an address')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse(`names a ${url.protocol.slice(0, -1)} proxy; only HTTP proxies are supported`)
  }
  if (url.hostname === '' || (url.pathname !== '/' && url.pathname !== '') || url.search !== '') {
    throw refuse('is more than scheme, host and port')
  }
  return { origin: url.origin, authorization: authorizationOf(url, refuse) }
}

function authorizationOf(url: URL, refuse: (why: string) => Error): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  try {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    return `Basic ${Buffer.from(pair).toString('base64')}`
  } catch {
    throw refuse('has credentials that are not percent-encoded')
  }
}

type Bypass = (url: URL) => boolean

function readBypasses(value: string): readonly Bypass[] {
  const entries = value.split(/[\s,]+/).filter((entry) => entry !== '')
  if (entries.length > limits.noProxyEntriesMax) {
    throw transferError('LW_TRANSFER_PROXY', { detail: 'no_proxy lists too many hosts.' })
  }
  return entries.map(parseBypass)
}

function parseBypass(entry: string): Bypass {
  if (entry === '*') return () => true
  const subnet = parseSubnet(entry)
  if (subnet !== undefined) return subnet
  const bracketed = /^\[(.+)\](?::(\d{1,5}))?$/.exec(entry)
  const named = isIP(entry) === 6 ? null : /^(.*?)(?::(\d{1,5}))?$/.exec(entry)
  const host = (bracketed?.[1] ?? named?.[1] ?? entry).replace(/^\*?\./, '').toLowerCase()
  const port = bracketed?.[2] ?? named?.[2]
  return (url) => {
    if (port !== undefined && port !== portOf(url)) return false
    const asked = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
    return asked === host || (isIP(asked) === 0 && asked.endsWith(`.${host}`))
  }
}

function parseSubnet(entry: string): Bypass | undefined {
  const match = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(entry)
  const address = match?.[1] ?? ''
  const version = isIP(address)
  const prefix = Number(match?.[2])
  if (version === 0 || prefix > (version === 4 ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
  return (url) => {
    const asked = url.hostname.replace(/^\[|\]$/g, '')
    const kind = isIP(asked)
    return kind !== 0 && list.check(asked, kind === 4 ? 'ipv4' : 'ipv6')
  }
}

function portOf(url: URL): string {
  if (url.port !== '') return url.port
  return url.protocol === 'https:' ? '443' : '80'
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'))
  )
}
