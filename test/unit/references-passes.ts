import {
  type CopyOp,
  createReferenceCoder,
  type PlanInput,
  referenceLimits,
} from '../../delta/references/index.ts'

/** Calls `use` for every window of every copy, in the order that the format asks for. */
function eachWindow(
  copies: readonly CopyOp[],
  use: (copyIndex: number, offset: number, length: number) => void,
): void {
  for (const [index, copy] of copies.entries()) {
    for (let offset = 0; offset < copy.length; offset += referenceLimits.windowBytes) {
      use(index, offset, Math.min(referenceLimits.windowBytes, copy.length - offset))
    }
  }
}

function coderOf(input: Omit<PlanInput, 'next'> & { newSize: number }, side: Uint8Array) {
  return createReferenceCoder({
    side,
    copies: input.copies,
    oldSize: input.old.length,
    newSize: input.newSize,
    readOld: (position, into) => {
      if (position < 0 || position + into.length > input.old.length) {
        throw new RangeError('read outside of the old files')
      }
      into.set(input.old.subarray(position, position + into.length))
    },
  })
}

/** The differences of all copies, one after the other. */
export function differences(input: PlanInput, side: Uint8Array): Uint8Array {
  const coder = coderOf({ ...input, newSize: input.next.length }, side)
  const out: Uint8Array[] = []
  eachWindow(input.copies, (index, offset, length) => {
    const from = (input.copies[index] as CopyOp).newPosition + offset
    const block = new Uint8Array(input.next.subarray(from, from + length))
    coder.difference(index, offset, block)
    out.push(block)
  })
  return Buffer.concat(out)
}

/** The copied new bytes, one copy after the other, from their differences. */
export function restored(
  input: Omit<PlanInput, 'next'> & { newSize: number },
  side: Uint8Array,
  all: Uint8Array,
): Uint8Array {
  const coder = coderOf(input, side)
  const out = new Uint8Array(all)
  let at = 0
  eachWindow(input.copies, (index, offset, length) => {
    coder.restore(index, offset, out.subarray(at, at + length))
    at += length
  })
  return out
}

/** What {@link restored} has to give. */
export function copied({ next, copies }: PlanInput): Uint8Array {
  return Buffer.concat(
    copies.map(({ newPosition, length }) => next.subarray(newPosition, newPosition + length)),
  )
}

export function plainDifferences({ old, next, copies }: PlanInput): Uint8Array {
  return Buffer.concat(
    copies.map(({ oldPosition, newPosition, length }) =>
      Uint8Array.from({ length }, (_, at) => {
        return (next[newPosition + at] as number) - (old[oldPosition + at] as number)
      }),
    ),
  )
}

export function nonZero(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + (byte === 0 ? 0 : 1), 0)
}
