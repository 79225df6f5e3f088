import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { type ServerProcess, serverProcess } from '../support/server-process.ts'

/** Debian's nginx in one process as a caching proxy with one download for all (`proxy_cache_lock`). */
export async function startCachingNginx(prefix: string, origin: string): Promise<ServerProcess> {
  const port = await freePort()
  mkdirSync(prefix, { recursive: true })
  const temporary = ['client_body', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${prefix}/${kind};`)
    .join('\n')
  const file = path.join(prefix, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; worker_processes 1; error_log stderr crit;
pid ${prefix}/pid;
events { worker_connections 8192; }
http {
${temporary}
proxy_temp_path ${prefix}/proxy;
proxy_cache_path ${prefix}/cache levels=1:2 keys_zone=bench:8m max_size=1g use_temp_path=off;
access_log off; keepalive_requests 10000000; sendfile on;
upstream origin { server ${new URL(origin).host}; keepalive 4; }
server {
  listen 127.0.0.1:${port};
  location / {
    proxy_pass http://origin;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_cache bench;
    proxy_cache_lock on;
    proxy_cache_lock_timeout 60s;
    proxy_cache_valid 200 1h;
  }
}
}
`,
  )
  const child = spawn('nginx', ['-p', prefix, '-c', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await untilOpen(port)
  return serverProcess('nginx proxy_cache', `http://127.0.0.1:${port}`, child)
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
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', () => resolve(false))
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('nginx does not start')
}
