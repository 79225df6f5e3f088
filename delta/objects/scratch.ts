import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SpoolFile } from './spool-file.ts'

/** Hands out spool files and removes them all at the end. */
export class Scratch {
  private readonly pathOf: ((name: string) => string) | undefined
  private readonly files: SpoolFile[] = []
  private directory: string | undefined

  /** `pathOf` names files in the caller's staging; without it a temporary folder is used. */
  constructor(pathOf: ((name: string) => string) | undefined) {
    this.pathOf = pathOf
  }

  async create(): Promise<SpoolFile> {
    const name = `spool-${this.files.length}`
    if (this.pathOf === undefined) {
      this.directory ??= await mkdtemp(path.join(tmpdir(), 'longwave-'))
    }
    const file = new SpoolFile(this.pathOf?.(name) ?? path.join(this.directory ?? '', name))
    this.files.push(file)
    return file
  }

  async remove(): Promise<void> {
    for (const file of this.files) await file.remove()
    if (this.directory !== undefined) await rm(this.directory, { recursive: true, force: true })
  }
}
