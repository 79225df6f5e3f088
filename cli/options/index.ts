export * from './configuration.ts'
export * from './values.ts'
