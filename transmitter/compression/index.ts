export * from './compressor.ts'
