export { proxyError } from './errors.ts'
export * from './limits.ts'
export * from './proxy.ts'
export type { ProxyStatus } from './status.ts'
