// Block signatures: a delta against an object that only the other side holds.
export * from './block-signature.ts'
export * from './errors.ts'
export * from './limits.ts'
export * from './signature-delta.ts'
