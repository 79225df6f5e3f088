export * from './check-state.ts'
export * from './finding.ts'
