export * from './change-static.ts'
export * from './publish-static.ts'
export type { StaticOptions } from './static-run.ts'
export type { StaticSummary } from './static-summary.ts'
