import path from 'node:path'
import { type ChannelName, type Digest, isChannelName, isDigest } from '../protocol/index.ts'
import {
  type FileSystem,
  ensureDirectory,
  isErrno,
  readFileIfPresent,
  removeIfPresent,
  writeFileDurably,
} from '../store/durable-files/index.ts'
import type { PublicKey } from './ed25519.ts'
import { trustError } from './errors.ts'
import {
  type BundledKey,
  type KeyRole,
  type KeyScope,
  encodeKeyBundle,
  keyRoles,
  parseKeyBundle,
} from './key-bundle.ts'
import { type KeyFile, encodeKeyFile, openKeyFile, parseKeyFile } from './key-file.ts'
import type { KeyPair } from './key-pair.ts'
import { limits } from './limits.ts'

/** A key of the ring as lists show it; the private half stays closed. */
export interface StoredKey {
  readonly scope: KeyScope
  readonly role: KeyRole
  readonly key: PublicKey
  readonly isEncrypted: boolean
  /** Where it lies. */
  readonly path: string
}

export interface ExportOptions {
  /** Default: all roles. A build server needs `targets` only. */
  readonly roles?: readonly KeyRole[]
  /** Opens keys that are encrypted in the ring. */
  readonly unlock?: string
  /** Encrypts the keys of the bundle; without it they are bundled as they lie. */
  readonly passphrase?: string
}

export interface ImportOptions {
  /** Default: the scope that the bundle names. */
  readonly scope?: KeyScope
  /** Opens the bundle; keys that are opened are checked before anything is written. */
  readonly passphrase?: string
  /** How they are stored: as they are bundled, open, or under another passphrase. */
  readonly storedAs?: 'bundled' | 'open' | { readonly passphrase: string }
}

/** The private keys of a publisher, one folder a channel. */
export interface KeyRing {
  /** Keys of one scope, or of all, recovery keys first. */
  list(scope?: KeyScope): Promise<readonly StoredKey[]>
  /** Stores a key pair; one that is there already stays as it is. */
  add(scope: KeyScope, role: KeyRole, pair: KeyPair, passphrase?: string): Promise<StoredKey>
  /**
   * The key pairs of a role.
   * @throws LW_TRUST_KEYS_MISSING when there is none; LW_TRUST_PASSPHRASE; LW_TRUST_KEYS_EXPOSED;
   *   LW_TRUST_KEY_UNUSABLE
   */
  load(scope: KeyScope, role: KeyRole, passphrase?: string): Promise<readonly KeyPair[]>
  /** Removes one key, e.g. a recovery key that was exported; returns whether it was there. */
  remove(scope: KeyScope, keyId: Digest): Promise<boolean>
  /** Hands the keys that were made for a name to the channel that got its id; repeatable. */
  assign(name: ChannelName, channelId: Digest): Promise<void>
  export(scope: KeyScope, options?: ExportOptions): Promise<Uint8Array>
  import(bundle: Uint8Array, options?: ImportOptions): Promise<readonly StoredKey[]>
}

/** A key ring in a folder: files 0600 in folders 0700, whatever the umask is (S42). */
export function createKeyRing(options: {
  readonly directory: string
  readonly fileSystem: FileSystem
}): KeyRing {
  return new FolderKeyRing(options.directory, options.fileSystem)
}

const fileName = /^(root|targets|online)-([0-9a-f]{64})\.pem$/

class FolderKeyRing implements KeyRing {
  readonly #directory: string
  readonly #fs: FileSystem

  constructor(directory: string, fs: FileSystem) {
    this.#directory = directory
    this.#fs = fs
  }

  // A channel id is also a channel name by its form, so the two kinds lie apart.
  #folderOf(scope: KeyScope): string {
    return 'channelId' in scope
      ? path.join(this.#directory, 'channels', scope.channelId)
      : path.join(this.#directory, 'names', scope.name)
  }

  async list(scope?: KeyScope): Promise<readonly StoredKey[]> {
    const scopes = scope === undefined ? await this.#scopes() : [scope]
    const lists = []
    for (const one of scopes) lists.push(await this.#listOne(one))
    return lists.flat()
  }

  async #scopes(): Promise<readonly KeyScope[]> {
    const channels = await this.#names(path.join(this.#directory, 'channels'))
    const names = await this.#names(path.join(this.#directory, 'names'))
    return [
      ...channels.filter(isDigest).map((channelId) => ({ channelId })),
      ...names.filter(isChannelName).map((name) => ({ name })),
    ]
  }

  async #names(folder: string): Promise<readonly string[]> {
    try {
      return (await this.#fs.readdir(folder)).map((entry) => entry.name).toSorted()
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  async #listOne(scope: KeyScope): Promise<readonly StoredKey[]> {
    const folder = this.#folderOf(scope)
    const found: StoredKey[] = []
    for (const name of await this.#names(folder)) {
      const match = fileName.exec(name)
      if (match === null) continue
      const file = path.join(folder, name)
      const { key, isEncrypted } = await this.#read(file, match[2] as Digest)
      found.push({ scope, role: match[1] as KeyRole, key, isEncrypted, path: file })
    }
    return found.toSorted((a, b) => keyRoles.indexOf(a.role) - keyRoles.indexOf(b.role))
  }

  async #read(file: string, keyId: Digest): Promise<KeyFile> {
    const bytes = await readFileIfPresent(this.#fs, file, { bytesMax: limits.keyFileBytesMax })
    if (bytes === undefined)
      throw trustError('LW_TRUST_KEYS_MISSING', { detail: `${file} is gone.` })
    const parsed = parseKeyFile(bytes.toString())
    if (parsed.key.keyId === keyId) return parsed
    throw trustError('LW_TRUST_KEY_UNUSABLE', {
      detail: `${file} holds another key than its name says.`,
    })
  }

  async add(
    scope: KeyScope,
    role: KeyRole,
    pair: KeyPair,
    passphrase?: string,
  ): Promise<StoredKey> {
    return this.#write(scope, { role, file: encodeKeyFile(pair, passphrase) })
  }

  async #write(scope: KeyScope, { role, file }: BundledKey): Promise<StoredKey> {
    const folder = this.#folderOf(scope)
    const name = path.join(folder, `${role}-${file.key.keyId}.pem`)
    await this.#makeFolder(folder)
    const there = await readFileIfPresent(this.#fs, name, { bytesMax: limits.keyFileBytesMax })
    if (there === undefined) await writeFileDurably(this.#fs, name, file.text, { mode: 0o600 })
    const { key, isEncrypted } = await this.#read(name, file.key.keyId)
    return { scope, role, key, isEncrypted, path: name }
  }

  async #makeFolder(folder: string): Promise<void> {
    for (const part of [this.#directory, path.dirname(folder), folder]) {
      await ensureDirectory(this.#fs, part, { mode: 0o700 })
    }
  }

  async load(scope: KeyScope, role: KeyRole, passphrase?: string): Promise<readonly KeyPair[]> {
    const stored = (await this.list(scope)).filter((key) => key.role === role)
    if (stored.length === 0) {
      throw trustError('LW_TRUST_KEYS_MISSING', {
        detail: `There is no ${role} key in ${this.#folderOf(scope)}.`,
        members: { role },
        next: 'Bring it here with "longwave key import".',
      })
    }
    const pairs: KeyPair[] = []
    for (const { path: file, key } of stored) {
      await this.#requirePrivate(file)
      pairs.push(openKeyFile(await this.#read(file, key.keyId), passphrase))
    }
    return pairs
  }

  async #requirePrivate(file: string): Promise<void> {
    // Windows keeps access elsewhere than in these bits.
    if (process.platform === 'win32') return
    const { mode } = await this.#fs.stat(file)
    if ((mode & 0o077) === 0) return
    throw trustError('LW_TRUST_KEYS_EXPOSED', {
      detail: `${file} has the mode ${mode.toString(8)}.`,
      next: `Run "chmod 600 ${file}", and rotate the key if others may have read it.`,
    })
  }

  async remove(scope: KeyScope, keyId: Digest): Promise<boolean> {
    const folder = this.#folderOf(scope)
    let wasThere = false
    for (const role of keyRoles) {
      const isRemoved = await removeIfPresent(this.#fs, path.join(folder, `${role}-${keyId}.pem`))
      wasThere ||= isRemoved
    }
    if (wasThere) await this.#fs.syncDirectory(folder)
    return wasThere
  }

  async assign(name: ChannelName, channelId: Digest): Promise<void> {
    const from = this.#folderOf({ name })
    const to = this.#folderOf({ channelId })
    const files = (await this.#names(from)).filter((file) => fileName.test(file))
    if (files.length > 0) await this.#makeFolder(to)
    for (const file of files) await this.#fs.rename(path.join(from, file), path.join(to, file))
    if (files.length > 0) await this.#fs.syncDirectory(to)
    try {
      await this.#fs.rmdir(from)
    } catch (error) {
      // Files of somebody else keep the folder; a repeated call finds it gone.
      if (!isErrno(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error
    }
  }

  async export(scope: KeyScope, options: ExportOptions = {}): Promise<Uint8Array> {
    const roles = options.roles ?? keyRoles
    const stored = (await this.list(scope)).filter((key) => roles.includes(key.role))
    if (stored.length === 0) {
      throw trustError('LW_TRUST_KEYS_MISSING', { detail: `${this.#folderOf(scope)} is empty.` })
    }
    const keys: BundledKey[] = []
    for (const { path: name, role, key } of stored) {
      await this.#requirePrivate(name)
      const file = await this.#read(name, key.keyId)
      const { passphrase } = options
      if (passphrase === undefined) keys.push({ role, file })
      else {
        const pair = openKeyFile(file, options.unlock)
        keys.push({ role, file: encodeKeyFile(pair, passphrase) })
      }
    }
    return encodeKeyBundle({ scope, keys })
  }

  async import(bundle: Uint8Array, options: ImportOptions = {}): Promise<readonly StoredKey[]> {
    const parsed = parseKeyBundle(bundle)
    const scope = options.scope ?? parsed.scope
    // All keys are opened and checked before the first is written.
    const keys = parsed.keys.map(({ role, file }) => ({ role, file: restored(file, options) }))
    const stored: StoredKey[] = []
    for (const key of keys) stored.push(await this.#write(scope, key))
    return stored
  }
}

function restored(file: KeyFile, options: ImportOptions): KeyFile {
  const { passphrase, storedAs = 'bundled' } = options
  const isOpenable = !file.isEncrypted || passphrase !== undefined
  if (storedAs === 'bundled') {
    if (isOpenable) openKeyFile(file, passphrase)
    return file
  }
  const pair = openKeyFile(file, passphrase)
  return encodeKeyFile(pair, storedAs === 'open' ? undefined : storedAs.passphrase)
}
