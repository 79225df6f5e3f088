import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'

/** Whether nginx is installed. */
export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v']).error === undefined
}

/** nginx as Debian configures it, in one process, serving a folder at its root. */
export async function startStaticNginx(options: {
  readonly folder: string
  readonly prefix: string
}): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { prefix, folder } = options
  await mkdir(prefix, { recursive: true })
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${prefix}/${kind};`)
    .join('\n')
  const file = path.join(prefix, 'nginx.conf')
  await writeFile(
    file,
    `daemon off; master_process off; user root; error_log stderr notice; pid ${prefix}/pid;
events { worker_connections 768; }
http {
${temporary}
sendfile on; tcp_nopush on; types_hash_max_size 2048; access_log off; gzip on;
include /etc/nginx/mime.types; default_type application/octet-stream;
server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  )
  const args = ['-p', prefix, '-c', file, '-e', 'stderr']
  const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stderr })
  // Said when its sockets listen.
  await new Promise<void>((resolve, reject) => {
    let said = ''
    lines.on('line', (line) => {
      said += `${line}\n`
      if (line.includes('event method')) resolve()
    })
    ended.then(() => reject(new Error(`nginx ended: ${said}`)), reject)
  })
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
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
