export * from './declare-maintenance.ts'
