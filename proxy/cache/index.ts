export * from './content-cache.ts'
export * from './content-key.ts'
export * from './fill.ts'
export * from './growing-file.ts'
