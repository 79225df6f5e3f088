export * from './fault-file-system.ts'
export * from './sweep-faults.ts'
export * from './kill-child.ts'
