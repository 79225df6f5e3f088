export * from './channel-pages.ts'
export * from './markup.ts'
export * from './page.ts'
