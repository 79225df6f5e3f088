export * from './channel-measures.ts'
