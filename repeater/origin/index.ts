export * from './follow-origin.ts'
