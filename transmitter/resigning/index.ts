export * from './resigner.ts'
