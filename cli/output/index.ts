export * from './output.ts'
export * from './progress.ts'
export * from './text.ts'
