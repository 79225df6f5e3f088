import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'

/** Memory of a process in bytes, from /proc. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) * 1024
}

/** Tuners that polled once and keep their connection. */
export async function connectIdleTuners(
  url: string,
  path: string,
  count: number,
): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const batch = Math.min(100, count - sockets.length)
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: batch }, () => pollOnce(hostname, Number(port), path)),
      )),
    )
  }
  return sockets
}

function pollOnce(host: string, port: number, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    socket.once('error', reject)
    socket.once('data', () => {
      socket.removeListener('error', reject)
      socket.on('error', () => undefined)
      resolve(socket)
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  })
}
