export * from './channel-catalogue.ts'
export * from './channel-routes.ts'
export * from './content-routes.ts'
export * from './tickets.ts'
