export { storeError } from '../errors.ts'
export * from './file-object-store.ts'
export * from './object-store.ts'
