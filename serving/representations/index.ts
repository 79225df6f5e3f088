// One decision for every way to ask for a file: DRP, RFC 3229, RFC 9842 and plain HTTP.
export * from './choose.ts'
export * from './entity-tags.ts'
export * from './errors.ts'
export * from './limits.ts'
export * from './resource.ts'
