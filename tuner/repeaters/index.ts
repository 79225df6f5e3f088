export * from './repeater-use.ts'
export * from './use-repeater.ts'
