export * from './configuration.ts'
export * from './strongest-option.ts'
export * from './values.ts'
