import { readFileSync } from 'node:fs'

/** Pages of 64 KiB that a WebAssembly memory is counted in. */
const pageBytes = 65_536

/** What `load-kernel` needs of the engine's WebAssembly; Node's types do not describe it. */
interface Engine {
  Module: new (bytes: Uint8Array) => object
  Memory: new (size: { readonly initial: number; readonly shared?: boolean }) => KernelMemory
  Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: object }
}

interface KernelMemory {
  readonly buffer: ArrayBuffer
}

const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly
const compiled = new Map<string, object>()

/** One instance of a kernel with a memory of its own. */
export interface Kernel<Exports> {
  readonly exports: Exports
  /** All of its memory; it never grows, so views of it stay valid. */
  readonly buffer: ArrayBuffer
}

export interface KernelOptions {
  /** The compiled kernel: `new URL('./kernel/kernel.wasm', import.meta.url)`. */
  readonly url: URL
  /** Bytes of memory; those that are never touched cost nothing. */
  readonly memoryBytes: number
  /** Functions that the kernel calls, by name. */
  readonly imports?: Readonly<Record<string, (...args: number[]) => unknown>>
}

/**
 * Makes an instance of a kernel: code of ours for the innermost loops, compiled from AssemblyScript to
 * WebAssembly when Longwave is built (docs/architecture.md, "Kernels"). It is safe on bytes from outside
 * in the way that our other code is: it can reach nothing but its own memory.
 * Compiled once a process; an instance is freed with the last reference to it.
 */
export function loadKernel<Exports>(options: KernelOptions): Kernel<Exports> {
  const { url, memoryBytes, imports = {} } = options
  let module = compiled.get(url.href)
  if (module === undefined) {
    module = new engine.Module(readFileSync(url))
    compiled.set(url.href, module)
  }
  const memory = new engine.Memory({ initial: Math.ceil(memoryBytes / pageBytes) })
  const env = { ...imports, memory, abort: failed }
  const instance = new engine.Instance(module, { env, kernel: env })
  return { exports: instance.exports as Exports, buffer: memory.buffer }
}

function failed(): never {
  throw new Error('A kernel has stopped.')
}
