export * from './channel-mirror.ts'
export { keptBundlesFolder } from './keep-bundle.ts'
