import path from 'node:path'
import { setTimeout as pauseFor } from 'node:timers/promises'
import { type ChannelAddress, parseChannelAddress } from '../protocol/index.ts'
import {
  type FileSystem,
  nodeFileSystem,
  nodeRandomness,
  type Randomness,
} from '../store/durable-files/index.ts'
import type { Transport } from '../transport/index.ts'
import { createKeyRing } from '../trust/index.ts'
import { endChannel, revertChannel } from './change-channel.ts'
import {
  createChannelKeys,
  type ChannelKeys,
  type KeyChange,
  type KeyChangeResult,
} from './keys/index.ts'
import { publishDirectory, type PublishOptions } from './publish-directory.ts'
import type { ActOptions } from './publish-act.ts'
import type { PublishSummary } from './publish-summary.ts'
import type { PublisherContext } from './sign/index.ts'
import {
  changeStaticKeys,
  publishStatic,
  refreshStatic,
  type StaticOptions,
  type StaticSummary,
} from './static/index.ts'

export interface PublisherOptions {
  /** `LONGWAVE_HOME`: keys, trust and caches lie below it. */
  readonly home: string
  readonly transport: Transport
  readonly fileSystem?: FileSystem
  readonly clock?: { now(): number }
  readonly randomness?: Randomness
  /** Where `LONGWAVE_TOKEN` is read. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Opens the keys of the ring, and encrypts new ones. */
  readonly passphrase?: string | undefined
  readonly pause?: PublisherContext['pause']
}

type Act = Omit<ActOptions, 'address'>

export interface Publisher {
  /** Scans, uploads what the transmitter lacks, signs and commits. */
  publish(options: PublishOptions): Promise<PublishSummary>
  /** A new release with the contents of an older one. */
  revert(channel: string | ChannelAddress, release: number, options?: Act): Promise<PublishSummary>
  /** A signed final release; the name stays reserved. */
  end(channel: string | ChannelAddress, options?: Act): Promise<PublishSummary>
  /** Writes the static form: files that any web server can serve. */
  publishStatic(options: StaticOptions): Promise<StaticSummary>
  /** Signs snapshot and timestamp of the static form anew, before they expire. */
  refreshStatic(
    options: Pick<StaticOptions, 'name' | 'out' | 'publicUrl' | 'signal'>,
  ): Promise<StaticSummary>
  /** Changes the keys of a static channel; `keys.change` does it at a live transmitter. */
  changeStaticKeys(
    options: Pick<StaticOptions, 'name' | 'out'> & { readonly change: KeyChange },
  ): Promise<KeyChangeResult>
  readonly keys: ChannelKeys
}

/** Makes a publisher; nothing is opened before the first act. */
export function createPublisher(options: PublisherOptions): Publisher {
  const fileSystem = options.fileSystem ?? nodeFileSystem
  const context: PublisherContext = {
    home: options.home,
    fileSystem,
    transport: options.transport,
    clock: options.clock ?? Date,
    randomness: options.randomness ?? nodeRandomness,
    environment: options.environment ?? {},
    keyRing: createKeyRing({ directory: path.join(options.home, 'keys'), fileSystem }),
    passphrase: options.passphrase,
    pause: options.pause ?? ((ms, signal) => pauseFor(ms, undefined, signal && { signal })),
  }
  const at = (channel: string | ChannelAddress) =>
    typeof channel === 'string' ? parseChannelAddress(channel) : channel
  return {
    publish: (publish) => publishDirectory(context, publish),
    revert: (channel, release, act) =>
      revertChannel(context, { ...act, address: at(channel), release }),
    end: (channel, act) => endChannel(context, { ...act, address: at(channel) }),
    publishStatic: (publish) => publishStatic(context, publish),
    refreshStatic: (refresh) => refreshStatic(context, refresh),
    changeStaticKeys: (change) => changeStaticKeys(context, change),
    keys: createChannelKeys(context),
  }
}
