// GDIFF (W3C NOTE-gdiff-19970901), version 4: the differences that DRP and RFC 3229 clients take.
export { gdiffMime } from './command.ts'
export * from './decoder.ts'
export * from './encoder.ts'
export * from './errors.ts'
export * from './limits.ts'
export * from './stream-encoder.ts'
export * from './writer.ts'
