import path from 'node:path'
import { type Digest, isDigest } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { ObjectVariant } from './object-store.ts'

/** Where a file object store keeps what. */
export class ObjectPaths {
  readonly objects: string
  /** Files under way; on the same file system, so that they can be renamed. */
  readonly incoming: string
  readonly partial: string
  readonly damaged: string

  constructor(directory: string) {
    this.objects = path.join(directory, 'objects')
    this.incoming = path.join(directory, 'incoming')
    this.partial = path.join(directory, 'partial')
    this.damaged = path.join(directory, 'damaged')
  }

  /** The folder of an object: 256 of them keep each one small. */
  fanOut(digest: Digest): string {
    return path.join(this.objects, digest.slice(0, 2))
  }

  object(digest: Digest): string {
    return path.join(this.objects, digest.slice(0, 2), digest)
  }

  variant(digest: Digest, variant: ObjectVariant): string {
    return `${this.object(digest)}.${variant}`
  }

  damagedObject(digest: Digest): string {
    return path.join(this.damaged, digest)
  }

  /** @throws LW_STORE_LIMIT when the key cannot be a file name */
  partialFile(key: string): string {
    if (
      !/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(key) ||
      key.length > limits.partialKeyCharactersMax
    ) {
      throw storeError('LW_STORE_LIMIT', {
        detail: 'The key of a partial object takes A-Z a-z 0-9 . _ - and has a length limit.',
      })
    }
    return path.join(this.partial, key)
  }
}

/** What a name in a fan-out folder stands for; undefined for anything that is not ours. */
export function parseObjectName(
  name: string,
): { readonly digest: Digest; readonly variant?: ObjectVariant } | undefined {
  if (isDigest(name)) return { digest: name }
  const digest = name.slice(0, 64)
  return isDigest(digest) && name.slice(64) === '.br' ? { digest, variant: 'br' } : undefined
}
