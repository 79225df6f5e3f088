import type { Logger } from 'pino'
import type { HttpServer } from '../serving/index.ts'
import type { ProxyMeasures } from './measures.ts'
import type { Origins } from './origins.ts'
import type { Upstream } from './upstream/index.ts'

/** What the rooms of a proxy share. */
export interface ProxyContext {
  readonly server: HttpServer
  readonly logger: Logger
  readonly upstream: Upstream
  readonly origins: Origins
  readonly measures: ProxyMeasures
  readonly clock: { now(): number }
}
