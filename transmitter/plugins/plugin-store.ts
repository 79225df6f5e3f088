import path from 'node:path'
import { type ChannelName, type Digest, digestOf } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import type { CommitHook, CommitNotes, PendingCommit } from '../releases/index.ts'
import { pluginError } from './errors.ts'

/** The folder of plug-ins, below the transmitter's: modules by digest, and each one's own data. */
const pluginsFolder = 'plugins'

/** The folder of their modules; a backup has it, for releases name what lies there. */
export const pluginModulesFolder = path.join(pluginsFolder, 'modules')

/**
 * The modules of plug-ins. A release names its module by digest, so what runs is what the publisher
 * signed, and the switch to a release is the switch to its plug-in.
 */
export class PluginStore implements CommitHook {
  readonly #fs: FileSystem
  /** The transmitter's folder. */
  readonly #directory: string

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = options.directory
  }

  modulePath(module: Digest): string {
    return path.join(this.#directory, pluginModulesFolder, `${module}.mjs`)
  }

  async has(module: Digest): Promise<boolean> {
    const stats = await this.#fs.lstat(this.modulePath(module)).catch(() => undefined)
    return stats?.type === 'file'
  }

  /** A plug-in's own folder, made when it is asked for the first time. */
  async dataDirectory(channel: ChannelName): Promise<string> {
    const directory = path.join(this.#directory, pluginsFolder, 'data', channel)
    await ensureDirectory(this.#fs, directory, { mode: 0o700 })
    return directory
  }

  /**
   * Keeps the module that a release names, before the release is switched to.
   * @throws LW_PLUGIN_MODULE
   */
  async before({ manifest, request }: PendingCommit): Promise<CommitNotes> {
    const module = manifest.plugin?.module
    const source = request.plugin
    if (typeof source === 'string') {
      if (module === undefined || digestOf(source) !== module) throw pluginError('LW_PLUGIN_MODULE')
      await this.#keep(module, source)
    } else if (module !== undefined && !(await this.has(module))) {
      throw pluginError('LW_PLUGIN_MODULE', {
        detail: 'The module was not sent, and this transmitter does not have it.',
        next: 'Publish again with --plugin FILE.',
      })
    }
    return {}
  }

  async #keep(module: Digest, source: string): Promise<void> {
    if (await this.has(module)) return
    const file = this.modulePath(module)
    await ensureDirectory(this.#fs, path.dirname(file), { mode: 0o700 })
    await writeFileDurably(this.#fs, file, source, { mode: 0o400 })
  }
}
