import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { type ServerProcess, serverProcess } from '../support/server-process.ts'

/** Whether nginx is installed. */
export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v']).error === undefined
}

/** Debian's nginx in one process, serving a folder under /demo/objects/. */
export async function startNginx(
  name: string,
  options: { readonly folder: string; readonly prefix: string; readonly sendfile: boolean },
): Promise<ServerProcess> {
  const port = await freePort()
  const prefix = path.join(options.prefix, options.sendfile ? 'nginx-sendfile' : 'nginx-plain')
  mkdirSync(prefix, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${prefix}/${kind};`)
    .join('\n')
  const file = path.join(prefix, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; worker_processes 1; error_log stderr crit;
pid ${prefix}/pid;
events { worker_connections 1024; }
http {
${temporary}
access_log off; default_type application/octet-stream; keepalive_requests 10000000;
tcp_nopush on; sendfile ${options.sendfile ? 'on' : 'off'};
server { listen 127.0.0.1:${port}; location /demo/objects/ { alias ${options.folder}/; } }
}
`,
  )
  const args = ['-p', prefix, '-c', file]
  const child = spawn('nginx', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  await untilOpen(port)
  return serverProcess(name, `http://127.0.0.1:${port}`, child)
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function untilOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('nginx does not start')
}
