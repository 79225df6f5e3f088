export * from './feedback-log.ts'
export * from './feedback-room.ts'
export * from './feedback-routes.ts'
export * from './limits.ts'
