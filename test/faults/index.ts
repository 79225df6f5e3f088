export * from './fault-file-system.ts'
export * from './sweep-faults.ts'
