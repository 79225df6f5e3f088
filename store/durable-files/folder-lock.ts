import path from 'node:path'
import { isErrno, storeError } from '../errors.ts'
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
  /** Whether its owner saw that there is no other. */
  readonly isHeld: boolean
}

/**
 * Makes this process the one owner of a folder. Every contender writes a claim under a name of its
 * own and then looks for others; only who sees none owns the folder, so of two that claim at once
 * at most one does, and the one whose name sorts first stays while the others step back. Names are
 * never used again, so that removing a dead owner's claim can never hit a living one.
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
  const own = path.join(folder, `${name}.${hex(randomness)}`)
  try {
    await contend({ fs, folder, name, own, probe, clock, randomness }, identity)
    return heldLock(fs, own, { clock, release })
  } catch (error) {
    await removeClaim(fs, own).catch(() => undefined)
    await release()
    throw error
  }
}

interface Contest {
  readonly fs: FileSystem
  readonly folder: string
  readonly name: string
  readonly own: string
  readonly probe: OwnerProbe
  readonly clock: { now(): number }
  readonly randomness: Randomness
}

async function contend(contest: Contest, identity: OwnerIdentity): Promise<void> {
  const { fs, own, randomness } = contest
  let isWritten = false
  for (let attempt = 1; ; attempt++) {
    if (!isWritten) await writeClaim(fs, own, identity, randomness)
    isWritten = true
    const others = await livingClaims(contest)
    const [first] = others
    if (first === undefined) {
      await writeNewFile(fs, markOf(own), '', 0o600)
      return
    }
    const holder = others.find((claim) => claim.isHeld)
    if (holder !== undefined || attempt === limits.lockAttemptsMax) throw refusal(holder ?? first)
    if (others.some((claim) => claim.file < own)) {
      await removeClaim(fs, own)
      isWritten = false
    }
    await pause(limits.lockRetryMs)
  }
}

/** Beside a claim that holds: spares others the waiting, decides nothing. */
function markOf(claim: string): string {
  return `${claim}.held`
}

async function removeClaim(fs: FileSystem, claim: string): Promise<void> {
  await removeIfPresent(fs, markOf(claim))
  await removeIfPresent(fs, claim)
}

function heldLock(
  fs: FileSystem,
  file: string,
  how: { readonly clock: { now(): number }; release(): Promise<void> },
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
    released ??= removeClaim(fs, file).finally(() => how.release())
    return released
  }
  return { release, [Symbol.asyncDispose]: release }
}

function refusal(other: Claim): ReturnType<typeof storeError> {
  return storeError('LW_STORE_LOCKED', {
    detail: `Process ${other.owner.pid} holds the lock.`,
    untouched: 'Nothing was changed.',
    next: `Wait until process ${other.owner.pid} has ended: an update or a publish does so by itself. One that runs for ever is used through it, or stopped.`,
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

async function livingClaims(contest: Contest): Promise<readonly Claim[]> {
  const { fs, folder, name, own, probe, clock } = contest
  const names = (await fs.readdir(folder)).map((entry) => entry.name)
  const living: Claim[] = []
  for (const each of names) {
    const file = path.join(folder, each)
    if (file === own || !isClaimName(each, name)) continue
    const loaded = await loadClaim(fs, file)
    if (loaded === 'gone') continue
    if (loaded !== 'damaged') {
      const liveness = await probe.liveness(loaded.owner)
      const isFresh = clock.now() - loaded.mtimeMs < limits.lockStaleMs
      if (liveness === 'alive' || (liveness === 'elsewhere' && isFresh)) {
        living.push({ file, owner: loaded.owner, isHeld: names.includes(markOf(each)) })
        continue
      }
    }
    await removeClaim(fs, file)
  }
  return living
}

function isClaimName(text: string, name: string): boolean {
  return text.startsWith(`${name}.`) && /^[0-9a-f]{32}$/.test(text.slice(name.length + 1))
}

async function loadClaim(
  fs: FileSystem,
  file: string,
): Promise<{ readonly owner: OwnerIdentity; readonly mtimeMs: number } | 'gone' | 'damaged'> {
  const bytes = await readFileIfPresent(fs, file, { bytesMax: limits.lockFileBytesMax })
  if (bytes === undefined) return 'gone'
  const owner = parseOwner(bytes.toString('utf8'))
  if (owner === undefined) return 'damaged'
  try {
    return { owner, mtimeMs: (await fs.stat(file)).mtimeMs }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 'gone'
    throw error
  }
}

function parseOwner(text: string): OwnerIdentity | undefined {
  try {
    const owner: unknown = JSON.parse(text)
    return isOwnerIdentity(owner) ? owner : undefined
  } catch {
    return undefined
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
