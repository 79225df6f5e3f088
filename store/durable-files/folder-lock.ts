import path from 'node:path'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import { readFileIfPresent, cleaningUp, removeIfPresent, writeNewFile } from './durable-writes.ts'
import type { FileSystem } from './file-system.ts'
import { type OwnerIdentity, type OwnerProbe, systemOwnerProbe } from './owner-identity.ts'
import { type Randomness, nodeRandomness, temporaryName } from './randomness.ts'

export interface FolderLock extends AsyncDisposable {
  /** Gives the folder free; doing it twice is harmless. */
  release(): Promise<void>
}

export interface LockOptions {
  /** Distinguishes several locks in one folder; default `lock`. */
  readonly name?: string
  readonly probe?: OwnerProbe
  readonly randomness?: Randomness
  readonly clock?: { now(): number }
}

interface Claim {
  readonly file: string
  readonly owner: OwnerIdentity
  readonly mtimeMs: number
}

/**
 * Makes this process the one owner of a folder. Every contender writes a claim under a name of its
 * own and then looks for others, so that of two at least one sees the other; names are never used
 * again, so that removing a dead owner's claim can never hit a living one.
 * @throws LW_STORE_LOCKED when a living process owns it; a dead one's claim is taken over
 */
export async function acquireLock(
  fs: FileSystem,
  folder: string,
  options: LockOptions = {},
): Promise<FolderLock> {
  const randomness = options.randomness ?? nodeRandomness
  const probe = options.probe ?? systemOwnerProbe(() => hex(randomness))
  const clock = options.clock ?? Date
  const name = options.name ?? 'lock'
  const { identity, release } = await probe.claim()
  const giveUp = async (file: string): Promise<void> => {
    await removeIfPresent(fs, file)
    await release()
  }
  try {
    for (let attempt = 1; ; attempt++) {
      const file = path.join(folder, `${name}.${hex(randomness)}`)
      await writeClaim(fs, file, identity, randomness)
      const other = await cleaningUp(fs, file, () =>
        livingClaim({ fs, folder, name, own: file, probe, now: clock.now() }),
      )
      if (other === undefined) return heldLock(fs, file, { clock, giveUp })
      await removeIfPresent(fs, file)
      if (attempt === limits.lockAttemptsMax) throw refusal(other)
      // Two that start at once may each see the other; chance parts them.
      await pause((limits.lockRetryMs * (1 + (randomness.bytes(1)[0] ?? 0) / 64)) / 2)
    }
  } catch (error) {
    await release()
    throw error
  }
}

function heldLock(
  fs: FileSystem,
  file: string,
  how: { readonly clock: { now(): number }; giveUp(file: string): Promise<void> },
): FolderLock {
  // Processes of other pid namespaces can judge an owner only by this.
  const heartbeat = setInterval(() => {
    const now = how.clock.now()
    fs.utimes(file, now, now).catch(() => undefined)
  }, limits.lockHeartbeatMs)
  heartbeat.unref()
  let released: Promise<void> | undefined
  const release = (): Promise<void> => {
    clearInterval(heartbeat)
    released ??= how.giveUp(file)
    return released
  }
  return { release, [Symbol.asyncDispose]: release }
}

function refusal(other: Claim): ReturnType<typeof storeError> {
  return storeError('LW_STORE_LOCKED', {
    detail: `Process ${other.owner.pid} holds the lock.`,
    untouched: 'Nothing was changed.',
    next: `Stop process ${other.owner.pid}, or use its folder through it.`,
    members: { pid: other.owner.pid },
  })
}

async function writeClaim(
  fs: FileSystem,
  file: string,
  owner: OwnerIdentity,
  randomness: Randomness,
): Promise<void> {
  const temporary = path.join(path.dirname(file), temporaryName(randomness))
  await cleaningUp(fs, temporary, async () => {
    await writeNewFile(fs, temporary, JSON.stringify(owner), 0o600)
    // A claim appears whole or not at all, so that a damaged one is never a living one.
    await fs.rename(temporary, file)
  })
}

interface Search {
  readonly fs: FileSystem
  readonly folder: string
  readonly name: string
  readonly own: string
  readonly probe: OwnerProbe
  readonly now: number
}

async function livingClaim(search: Search): Promise<Claim | undefined> {
  const { fs, folder, name, own, probe, now } = search
  for (const entry of await fs.readdir(folder)) {
    const file = path.join(folder, entry.name)
    if (file === own || !isClaimName(entry.name, name)) continue
    const claim = await loadClaim(fs, file)
    if (claim === 'gone') continue
    if (claim !== 'damaged') {
      const liveness = await probe.liveness(claim.owner)
      if (liveness === 'alive') return claim
      if (liveness === 'elsewhere' && now - claim.mtimeMs < limits.lockStaleMs) return claim
    }
    await removeIfPresent(fs, file)
  }
  return undefined
}

function isClaimName(text: string, name: string): boolean {
  return text.startsWith(`${name}.`) && /^[0-9a-f]{32}$/.test(text.slice(name.length + 1))
}

async function loadClaim(fs: FileSystem, file: string): Promise<Claim | 'gone' | 'damaged'> {
  const bytes = await readFileIfPresent(fs, file, { bytesMax: limits.lockFileBytesMax })
  if (bytes === undefined) return 'gone'
  try {
    const owner: unknown = JSON.parse(bytes.toString('utf8'))
    if (!isOwnerIdentity(owner)) return 'damaged'
    return { file, owner, mtimeMs: (await fs.stat(file)).mtimeMs }
  } catch {
    return 'damaged'
  }
}

function isOwnerIdentity(value: unknown): value is OwnerIdentity {
  if (typeof value !== 'object' || value === null) return false
  const owner = value as Record<string, unknown>
  if (!Number.isSafeInteger(owner['pid'])) return false
  const texts = (...names: readonly string[]): boolean =>
    names.every((name) => typeof owner[name] === 'string')
  if (owner['kind'] === 'linux') return texts('host', 'bootId', 'pidNamespace', 'startTicks')
  return owner['kind'] === 'loopback' && texts('token') && Number.isSafeInteger(owner['port'])
}

function hex(randomness: Randomness): string {
  return Buffer.from(randomness.bytes(limits.temporaryNameBytes)).toString('hex')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
