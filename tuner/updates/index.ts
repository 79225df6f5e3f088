export * from './changes.ts'
export * from './limits.ts'
export * from './update-channel.ts'
export * from './update-folder.ts'
