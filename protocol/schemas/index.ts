export * from './findings.ts'
export type { Schema, Static } from './schema.ts'
export * from './type.ts'
export * from './value-count.ts'
