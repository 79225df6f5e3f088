export type { CreatedPublishToken, NewPublishToken, PublishToken } from './access/index.ts'
export { transmitterError } from './errors.ts'
export * from './limits.ts'
export {
  type BackupOptions,
  type BackupSummary,
  backupTo,
  type CheckFinding,
  type CheckOptions,
  type CheckSummary,
  checkStore,
  collectGarbage,
  createPublishToken,
  createRepeaterToken,
  type GarbageOptions,
  type GarbageSummary,
  listPublishTokens,
  type RestoreOptions,
  type RestoreSummary,
  restoreFrom,
  revokePublishToken,
  type StoreOptions,
} from './maintenance/index.ts'
export { allowPlugin, type PluginSettings, type PluginTimes } from './plugins/index.ts'
export type { TransmitterStatus } from './status/index.ts'
export * from './transmitter.ts'
