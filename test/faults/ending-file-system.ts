import { execFileSync } from 'node:child_process'
import type { FileSystem } from '../../store/durable-files/index.ts'
import { FaultFileSystem, type MutatingOperation } from './fault-file-system.ts'

/** How a process ends at one mutating operation: killed before or after it, or with the power. */
export type Ending = 'kill-before' | 'kill-after' | 'power-cut'

/**
 * A file system that ends its process for real at one mutating operation. A power cut shuts the
 * mounted file system down without writing what is not yet in its journal.
 */
export class EndingFileSystem extends FaultFileSystem {
  readonly #at: number
  readonly #ending: Ending
  readonly #mount: string

  constructor(
    inner: FileSystem,
    plan: { readonly at: number; readonly ending: Ending; readonly mount: string },
  ) {
    super(inner)
    this.#at = plan.at
    this.#ending = plan.ending
    this.#mount = plan.mount
  }

  override async mutating<T>(
    operation: MutatingOperation,
    work: () => Promise<T>,
    half?: () => Promise<unknown>,
  ): Promise<T> {
    const isLast = this.operations.length + 1 === this.#at
    if (isLast && this.#ending !== 'kill-after') this.#end()
    const result = await super.mutating(operation, work, half)
    if (isLast) this.#end()
    return result
  }

  #end(): never {
    if (this.#ending === 'power-cut') shutDown(this.#mount)
    process.kill(process.pid, 'SIGKILL')
    // The signal is delivered before this line; it says so to the compiler.
    throw new Error('unreachable')
  }
}

/** EXT4_IOC_SHUTDOWN without flushing the log: _IOR('X', 125, u32), flag 2. */
export function shutDown(mount: string): void {
  const script =
    'open F, "<", $ARGV[0] or die $!; my $flags = pack("L", 2); ioctl(F, 0x8004587d, $flags) or die $!'
  execFileSync('perl', ['-e', script, mount])
}
