export * from './feedback-log.ts'
export * from './feedback-routes.ts'
