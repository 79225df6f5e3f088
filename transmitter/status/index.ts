export * from './transmitter-status.ts'
