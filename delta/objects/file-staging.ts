import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import type { Staging } from '../bundle/build-file.ts'
import { type ObjectReader, readFully } from './object-source.ts'

/**
 * A staging of plain files, named by `pathOf`. Without waiting: most files are small, and a round
 * through the thread pool costs more than the writing.
 */
export function fileStaging(
  pathOf: (index: number) => string,
  scratchPath: (name: string) => string,
): Staging {
  return {
    async create(index) {
      const descriptor = openSync(pathOf(index), 'wx', 0o600)
      return {
        async write(bytes) {
          for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
        },
        close: async () => closeSync(descriptor),
      }
    },
    async open(index): Promise<ObjectReader> {
      const descriptor = openSync(pathOf(index), 'r')
      const { size } = fstatSync(descriptor)
      return {
        size,
        read: async (position, into) => readFully(descriptor, position, into),
        readSync: (position, into) => readFully(descriptor, position, into),
        close: async () => closeSync(descriptor),
      }
    },
    scratchPath,
  }
}
