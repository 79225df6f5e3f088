// Runs command lines one after the other in one process, as they come over the line to its parent:
// what a process costs to start is paid once. Started by cli-host.ts.
import { runProgram } from '../../cli/program.ts'

interface HostRequest {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const own = { ...process.env }
process.stdout.setMaxListeners(0)
let queue: Promise<void> = Promise.resolve()

process.on('message', (request: HostRequest) => {
  queue = queue.then(() => serve(request))
})

// A keep-alive connection may still be open.
process.on('disconnect', () => process.exit(0))

async function serve({ args, env }: HostRequest): Promise<void> {
  process.env = { ...own, ...env }
  process.exitCode = 0
  const texts = { stdout: '', stderr: '' }
  const restore = [capture('stdout', texts), capture('stderr', texts)]
  try {
    await runProgram(args)
  } finally {
    for (const undo of restore) undo()
  }
  const code = Number(process.exitCode)
  process.exitCode = 0
  process.send?.({ code, ...texts })
}

function capture(name: 'stdout' | 'stderr', into: { stdout: string; stderr: string }): () => void {
  const stream = process[name]
  const { write } = stream
  stream.write = (chunk: string | Uint8Array) => {
    into[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    return true
  }
  return () => {
    stream.write = write
  }
}
