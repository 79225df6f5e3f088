import { gatewayError } from './errors.ts'

/**
 * The normal form of a path below which a transmitter lies: `/dl`, `/files/longwave`. Never the
 * root: the site around it keeps its pages.
 * @throws LW_GATEWAY_PATH
 */
export function parseBasePath(text: string): string {
  const path = text.replace(/\/+$/, '')
  const isPath = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/.test(path) && path.length <= 256
  if (isPath) return path
  throw gatewayError('LW_GATEWAY_PATH', {
    detail: `${JSON.stringify(text)} is not a path such as /dl or /files/longwave.`,
  })
}

/**
 * A request target as the transmitter wants it: without the base path. Undefined when it lies
 * elsewhere: it is the site's own.
 */
export function targetBelow(basePath: string, target: string): string | undefined {
  if (!target.startsWith(basePath)) return undefined
  const rest = target.slice(basePath.length)
  if (rest === '') return '/'
  if (rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}
