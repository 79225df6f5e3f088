import { isIPv6 } from 'node:net'
import { servingError } from './errors.ts'

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
}

/**
 * Parses `HOST:PORT`, `[V6]:PORT`, `:PORT` or `PORT`.
 * @throws LW_SERVE_ADDRESS
 */
export function parseListenAddress(text: string, defaultHost = '127.0.0.1'): ListenAddress {
  const match = /^(?:(\[[0-9a-f:.]+\]|[^\s:[\]/]*):)?(\d{1,5})$/i.exec(text.trim())
  const port = Number(match?.[2])
  if (match === null || port > 65_535) {
    throw servingError('LW_SERVE_ADDRESS', {
      detail: `${JSON.stringify(text)} is not HOST:PORT.`,
      next: 'Give an address such as 127.0.0.1:8080, or 127.0.0.1:0 for any free port.',
    })
  }
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: host === '' ? defaultHost : host, port }
}

/** The URL under which a listening server is reached from its own machine. */
export function urlOfListener(
  address: { readonly address: string; readonly port: number },
  secure: boolean,
): string {
  const anywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const host = anywhere[address.address] ?? address.address
  const written = isIPv6(host) ? `[${host}]` : host
  return `${secure ? 'https' : 'http'}://${written}:${address.port}`
}

/** Explains why listening failed. */
export function listenError(cause: unknown, address: ListenAddress): Error {
  const code = String((cause as { readonly code?: unknown } | null)?.code ?? '')
  const where = `${address.host}:${address.port}`
  switch (code) {
    case 'EADDRINUSE':
      return servingError('LW_SERVE_PORT_IN_USE', {
        detail: `Address: ${where}.`,
        next: `End the other program, or choose another port with --listen ${address.host}:PORT.`,
        cause,
      })
    case 'EACCES':
    case 'EPERM':
      return servingError('LW_SERVE_PORT_REFUSED', {
        detail: `Address: ${where}.`,
        next: `Choose a port above 1023 with --listen ${address.host}:PORT.`,
        cause,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
    case 'EAFNOSUPPORT':
      return servingError('LW_SERVE_ADDRESS', {
        detail: `Address: ${where}.`,
        next: 'Listen on 127.0.0.1:0, or on 0.0.0.0:PORT for all addresses of this machine.',
        cause,
      })
    default:
      return cause instanceof Error ? cause : servingError('LW_SERVE_ADDRESS', { cause })
  }
}
