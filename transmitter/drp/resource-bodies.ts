import type { Digest } from '../../protocol/index.ts'
import type { Version } from '../../serving/representations/index.ts'
import type { OpenedBody } from './send-representation.ts'

/** The versions behind one URL, and where their bytes are. */
export interface VersionedResource {
  readonly current: Version
  /** Older versions that may be named by a client, the newest first; asked for when one may be. */
  older(): Promise<readonly Version[]>
  /** The bytes of a version, to be sent. */
  open(sha256: Digest, coding: 'br' | undefined): Promise<OpenedBody | undefined>
  /** The MD5 of a version, for clients that name versions by it. */
  md5(version: Version): Promise<string>
  /** The bytes of a version in memory that workers share. */
  load(version: Version): Promise<Uint8Array>
}
