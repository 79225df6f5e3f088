export * from './transmitter-health.ts'
