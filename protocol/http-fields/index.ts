// HTTP fields as values: structured fields (RFC 9651), digests (RFC 9530), entity tags and ranges
// (RFC 9110), delta encoding (RFC 3229), compression dictionaries (RFC 9842).
export * from './byte-ranges.ts'
export * from './dictionary-transport.ts'
export * from './digest-fields.ts'
export * from './entity-tags.ts'
export * from './instance-manipulation.ts'
export * from './limits.ts'
export * from './request-headers.ts'
export * from './structured-parser.ts'
export * from './structured-serializer.ts'
export * from './structured-values.ts'
export * from './weighted-tokens.ts'
