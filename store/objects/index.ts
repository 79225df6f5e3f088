export * from './file-object-store.ts'
export * from './object-store.ts'
