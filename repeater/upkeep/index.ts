export * from './collect-garbage.ts'
export * from './compressor.ts'
