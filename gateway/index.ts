export { gatewayError } from './errors.ts'
export * from './gateway-handler.ts'
export * from './longwave-gateway.ts'
export * from './web-server-configuration.ts'
