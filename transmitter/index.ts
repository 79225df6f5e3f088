export { transmitterError } from './errors.ts'
export * from './limits.ts'
export * from './transmitter.ts'
