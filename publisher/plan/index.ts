export * from './attributes.ts'
export * from './compare-entries.ts'
export * from './plan-release.ts'
export * from './signed-parts.ts'
