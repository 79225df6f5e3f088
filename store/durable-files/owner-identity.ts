import { readFileSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import { isErrno } from '../errors.ts'
import { limits } from '../limits.ts'

/**
 * Who holds a lock, in words that a later process with the same number does not fulfil: on Linux
 * the process and its start time, elsewhere a loopback port that answers with a secret's echo.
 */
export type OwnerIdentity =
  | {
      readonly kind: 'linux'
      readonly host: string
      readonly bootId: string
      readonly pidNamespace: string
      readonly pid: number
      /** Start in clock ticks since boot, field 22 of /proc/PID/stat. */
      readonly startTicks: string
    }
  | {
      readonly kind: 'loopback'
      readonly pid: number
      readonly port: number
      readonly token: string
    }

/** `elsewhere`: another pid namespace or machine, where this process cannot look. */
export type Liveness = 'alive' | 'dead' | 'elsewhere'

/** How a process proves that it lives, and how others look. */
export interface OwnerProbe {
  claim(): Promise<{ readonly identity: OwnerIdentity; release(): Promise<void> }>
  liveness(identity: OwnerIdentity): Promise<Liveness>
}

/** The probe that suits this system. */
export function systemOwnerProbe(token: () => string): OwnerProbe {
  return process.platform === 'linux' ? linuxOwnerProbe() : loopbackOwnerProbe(token)
}

/** Reads /proc: exact inside one pid namespace, at no cost to the owner. */
export function linuxOwnerProbe(): OwnerProbe {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const pidNamespace = readlinkSync('/proc/self/ns/pid')
  const host = os.hostname()
  return {
    async claim() {
      const startTicks = startTicksOf(process.pid) ?? '0'
      const identity = {
        kind: 'linux',
        host,
        bootId,
        pidNamespace,
        pid: process.pid,
        startTicks,
      } as const
      return { identity, release: () => Promise.resolve() }
    },
    async liveness(identity) {
      if (identity.kind !== 'linux') return 'elsewhere'
      // A folder on a shared disk: the other machine's processes cannot be seen from here.
      if (identity.bootId !== bootId) return identity.host === host ? 'dead' : 'elsewhere'
      if (identity.pidNamespace !== pidNamespace) return 'elsewhere'
      return startTicksOf(identity.pid) === identity.startTicks ? 'alive' : 'dead'
    },
  }
}

function startTicksOf(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
  // The command name may hold spaces and parentheses; the fields after it may not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  return state === 'Z' || state === 'X' ? undefined : fields[19]
}

/** Listens on a loopback port as long as the lock is held; the system closes it with the process. */
export function loopbackOwnerProbe(token: () => string): OwnerProbe {
  return {
    async claim() {
      const secret = token()
      const server = net.createServer((socket) => {
        socket.on('error', () => undefined)
        socket.end(secret)
      })
      server.maxConnections = 16
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', resolve)
      })
      server.unref()
      const { port } = server.address() as net.AddressInfo
      return {
        identity: { kind: 'loopback', pid: process.pid, port, token: secret },
        release: () => new Promise((resolve) => server.close(() => resolve())),
      }
    },
    async liveness(identity) {
      if (identity.kind !== 'loopback') return 'elsewhere'
      return (await answerOf(identity.port, identity.token.length)) === identity.token
        ? 'alive'
        : 'dead'
    },
  }
}

function answerOf(port: number, lengthMax: number): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = net.connect({ port, host: '127.0.0.1' })
    const finish = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(limits.lockProbeTimeoutMs, finish)
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (text.length > lengthMax) finish()
    })
    socket.on('end', finish)
    socket.on('error', finish)
  })
}
