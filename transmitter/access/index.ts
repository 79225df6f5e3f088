export * from './publish-access.ts'
export * from './publish-tokens.ts'
export * from './reader-access.ts'
export * from './secret-file.ts'
