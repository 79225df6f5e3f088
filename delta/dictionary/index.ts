// Compression Dictionary Transport (RFC 9842): `dcz` bodies by our own Zstandard writer, since no
// package codes against a large raw dictionary on every supported runtime (docs/formats/drp.md).
export * from './dcz.ts'
export * from './errors.ts'
export * from './limits.ts'
