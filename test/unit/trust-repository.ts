// A channel's metadata in memory: what a publisher and a transmitter make of it, and a source that
// serves it, honestly or after a test has changed a file.
import { type Digest, digestOf } from '../../protocol/index.ts'
import {
  type KeyPair,
  type MetadataSource,
  type ReleaseTarget,
  type RootOffices,
  channelIdOf,
  createRoot,
  createTargets,
  generateKeyPair,
  lifetimesMs,
  nextRoot,
  renewOnline,
  timeText,
} from '../../trust/index.ts'

/** 2025-06-01T00:00:00Z: the tests' present. */
export const start = Date.UTC(2025, 5, 1)
export const dayMs = 24 * 60 * 60 * 1000

export interface TestRepository {
  readonly recovery: KeyPair
  readonly publisher: KeyPair
  readonly online: KeyPair
  readonly channelId: Digest
  /** Every file by its name under `trust/`. */
  readonly files: Map<string, Uint8Array>
  /** Names in the order in which they were fetched. */
  readonly fetched: string[]
  nowMs: number
  file(name: string): Uint8Array
  readonly source: MetadataSource
  /** Publishes one more release, or changes what is said of it. */
  publish(changes?: Partial<ReleaseTarget>, how?: PublishOptions): void
  /** Signs snapshot and timestamp again. */
  renew(how?: { readonly signer?: KeyPair; readonly lifetimeMs?: number }): void
  rotate(changes: Partial<RootOffices>, signers: readonly KeyPair[], expires?: string): void
  /** A copy that goes its own way. */
  fork(): TestRepository
}

export interface PublishOptions {
  readonly signers?: readonly KeyPair[]
  readonly online?: KeyPair
  readonly version?: number
  readonly channelId?: Digest
  readonly expires?: string
  /** Leaves snapshot and timestamp as they are. */
  readonly isHidden?: boolean
}

export function releaseTarget(release: number): ReleaseTarget {
  const sha256 = digestOf(`manifest ${release}`)
  return { sha256, bytes: 100 + release, release, entries: 3, totalBytes: 30, largestFileBytes: 20 }
}

export interface RepositoryOptions {
  readonly recovery?: KeyPair
  readonly publisher?: KeyPair
  readonly online?: KeyPair
  readonly nonce?: Uint8Array
  readonly rootExpires?: string
  /** Default: `start`. */
  readonly nowMs?: number
}

export function createRepository(options: RepositoryOptions = {}): TestRepository {
  const recovery = options.recovery ?? generateKeyPair()
  const publisher = options.publisher ?? generateKeyPair()
  const online = options.online ?? generateKeyPair()
  const nowMs = options.nowMs ?? start
  const root = createRoot({
    recoveryKeys: [recovery],
    rootThreshold: 1,
    targetsKeys: [publisher],
    targetsThreshold: 1,
    onlineKeys: [online],
    nonce: options.nonce ?? new Uint8Array(16).fill(7),
    expires: options.rootExpires ?? timeText(nowMs + lifetimesMs.root),
  })
  const repository = build({
    keys: { recovery, publisher, online },
    channelId: channelIdOf(root),
    files: new Map([['1.root.json', root]]),
    state: { nowMs, targetsVersion: 0, rootVersion: 1, release: 0 },
  })
  repository.publish()
  return repository
}

interface Parts {
  readonly keys: Pick<TestRepository, 'recovery' | 'publisher' | 'online'>
  readonly channelId: Digest
  readonly files: Map<string, Uint8Array>
  readonly state: { nowMs: number; targetsVersion: number; rootVersion: number; release: number }
}

function build(parts: Parts): TestRepository {
  const { keys, channelId, files, state } = parts
  const fetched: string[] = []
  const file = (name: string): Uint8Array => {
    const bytes = files.get(name)
    if (bytes === undefined) throw new TypeError(`no ${name}`)
    return bytes
  }
  const source: MetadataSource = {
    fetch: async (name) => {
      fetched.push(name)
      return files.get(name)
    },
  }
  const renew: TestRepository['renew'] = (how = {}) => {
    const timestamp = files.get('timestamp.json')
    const previous = timestamp && { timestamp, snapshot: latest(files, 'snapshot') }
    const pair = renewOnline({
      channelId,
      targets: latest(files, 'targets'),
      ...(previous && { previous }),
      nowMs: state.nowMs,
      lifetimeMs: how.lifetimeMs ?? lifetimesMs.online,
      signer: how.signer ?? keys.online,
    })
    files.set(`${pair.snapshotVersion}.snapshot.json`, pair.snapshot)
    files.set('timestamp.json', pair.timestamp)
  }
  return {
    ...keys,
    channelId,
    files,
    fetched,
    file,
    source,
    renew,
    get nowMs() {
      return state.nowMs
    },
    set nowMs(ms) {
      state.nowMs = ms
    },
    publish(changes = {}, how = {}) {
      const release = changes.release ?? state.release + 1
      const version = how.version ?? state.targetsVersion + 1
      const targets = createTargets({
        version,
        channelId: how.channelId ?? channelId,
        manifest: { ...releaseTarget(release), ...changes },
        expires: how.expires ?? timeText(state.nowMs + lifetimesMs.targets),
        signers: how.signers ?? [keys.publisher],
      })
      files.set(`${version}.targets.json`, targets)
      state.release = release
      state.targetsVersion = version
      if (how.isHidden !== true) renew(how.online === undefined ? {} : { signer: how.online })
    },
    rotate(changes, signers, expires) {
      const next = nextRoot(file(`${state.rootVersion}.root.json`), {
        changes,
        expires: expires ?? timeText(state.nowMs + lifetimesMs.root),
        signers,
      })
      state.rootVersion++
      files.set(`${state.rootVersion}.root.json`, next)
    },
    fork: () => build({ keys, channelId, files: new Map(files), state: { ...state } }),
  }
}

/** The file of a role with the highest version. */
export function latest(files: ReadonlyMap<string, Uint8Array>, role: string): Uint8Array {
  const suffix = `.${role}.json`
  const versions = [...files.keys()].filter((name) => name.endsWith(suffix)).map(Number.parseFloat)
  const found = files.get(`${Math.max(...versions)}${suffix}`)
  if (found === undefined) throw new TypeError(`no ${role}`)
  return found
}
