import { accessSync, constants, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/**
 * A new folder for sweeps that make many small durable files: in memory where the system has such a
 * place, since there a sync costs nothing, and faults are injected above the file system anyway.
 */
export function makeQuickFolder(prefix: string): string {
  return mkdtempSync(path.join(hasMemoryFolder() ? '/dev/shm' : tmpdir(), prefix))
}

function hasMemoryFolder(): boolean {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
