import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { deltaError } from '../errors.ts'
import type { PoolObject } from '../objects/pool-reader.ts'
import type { CopyOp } from '../references/index.ts'
import { codePlain } from './model-settings.ts'
import type { BytesCoder } from './view-coder.ts'

/** The old executable that a new one's references are predicted from, and how. */
export interface ReferenceUse {
  /** Where the old executable lies in the pool. */
  readonly position: number
  readonly size: number
  /** What the predictor needs beside the copies. */
  readonly side: Uint8Array
}

/** Codes whether references are predicted, from which object of the pool, and the side. */
export function codeReferenceUse(
  coder: BinaryCoder,
  bytes: BytesCoder,
  wanted: ReferenceUse | undefined,
  find: (position: number) => Pick<PoolObject, 'position' | 'size'> | undefined,
): ReferenceUse | undefined {
  if (coder.code(wanted === undefined ? 0 : 1, 32768) === 0) return undefined
  const object = find(codePlain(coder, wanted?.position ?? 0, 40))
  if (object === undefined) {
    throw deltaError('LW_DELTA_FORMAT', { detail: 'References to an object that is not there.' })
  }
  const { position, size } = object
  return { position, size, side: bytes.code(wanted?.side) }
}

/** The copies that lie inside the old executable; the others have no index. */
export function copiesWithin(
  operations: ArrayLike<number>,
  use: Pick<ReferenceUse, 'position' | 'size'>,
): { readonly copies: readonly CopyOp[]; readonly indices: Int32Array } {
  const copies: CopyOp[] = []
  const indices = new Int32Array(Math.ceil(operations.length / 3)).fill(-1)
  let at = 0
  for (let i = 0; i < operations.length; i += 3) {
    at += operations[i] ?? 0
    const oldPosition = (operations[i + 1] ?? 0) - use.position
    const length = operations[i + 2] ?? 0
    if (length > 0 && oldPosition >= 0 && oldPosition + length <= use.size) {
      indices[i / 3] = copies.length
      copies.push({ oldPosition, newPosition: at, length })
    }
    at += length
  }
  return { copies, indices }
}
