import type { FileSystem, Randomness } from '../../store/durable-files/index.ts'
import type { Transport } from '../../transport/index.ts'
import type { KeyRing } from '../../trust/index.ts'

/** What every act of one publisher needs. */
export interface PublisherContext {
  readonly home: string
  readonly fileSystem: FileSystem
  readonly transport: Transport
  readonly clock: { now(): number }
  readonly randomness: Randomness
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly keyRing: KeyRing
  /** Opens the keys of the ring, and encrypts new ones. */
  readonly passphrase: string | undefined
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}
