import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { ConfigurationPiece, WebServer } from '../../gateway/index.ts'

const programs: Readonly<Record<WebServer, string>> = {
  nginx: 'nginx',
  apache: 'apache2',
  caddy: 'caddy',
}

/** Whether the server is installed. */
export function hasWebServer(server: WebServer): boolean {
  const found = spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${programs[server]}`])
  return found.status === 0
}

/** A real web server with a page of its own and a transmitter below a path. */
export interface RunningWebServer extends AsyncDisposable {
  readonly url: string
}

/** Starts a web server of the system in a folder of its own, on a free port of this machine. */
export async function startWebServer(
  server: WebServer,
  folder: string,
  pieces: (port: number) => Promise<readonly ConfigurationPiece[]>,
): Promise<RunningWebServer> {
  const port = await freePort()
  mkdirSync(path.join(folder, 'www'), { recursive: true })
  writeFileSync(path.join(folder, 'www', 'index.html'), 'the site itself')
  const texts = (await pieces(port)).map((piece) => piece.text)
  const child = start(server, folder, port, texts)
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += chunk
  })
  child.on('error', () => undefined)
  try {
    await answers(child, port)
  } catch (error) {
    throw new Error(`${server} did not start: ${said}`, { cause: error })
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

function start(
  server: WebServer,
  folder: string,
  port: number,
  texts: readonly string[],
): ChildProcess {
  const file = path.join(folder, 'configuration')
  const environment = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  const options = { stdio: ['ignore', 'ignore', 'pipe'] as const, env: environment }
  switch (server) {
    case 'nginx':
      writeFileSync(file, nginxAround(folder, port, texts))
      return spawn('nginx', ['-p', folder, '-c', file, '-e', 'stderr'], {
        ...options,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    case 'apache':
      writeFileSync(file, apacheAround(folder, port, texts))
      return spawn('apache2', ['-X', '-d', folder, '-f', file], {
        ...options,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    case 'caddy':
      writeFileSync(file, caddyAround(folder, port, texts))
      return spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
        ...options,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...environment, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
      })
  }
}

function nginxAround(
  folder: string,
  port: number,
  [upstream, location]: readonly string[],
): string {
  return `daemon off;
worker_processes 1;
user ${runningUser()};
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  gzip on;
  ${upstream}
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    ${location}
  }
}
`
}

function runningUser(): string {
  return process.getuid?.() === 0 ? 'root' : `${process.getuid?.()}`
}

function apacheAround(folder: string, port: number, [host]: readonly string[]): string {
  const modules = [
    'mpm_event',
    'authz_core',
    'alias',
    'dir',
    'mime',
    'env',
    'proxy',
    'proxy_http',
    'filter',
    'deflate',
  ]
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
    .join('\n')
  return `ServerName 127.0.0.1
ServerRoot ${folder}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
DefaultRuntimeDir ${folder}
Listen 127.0.0.1:${port}
${modules}
TypesConfig /etc/mime.types
User www-data
Group www-data
AddOutputFilterByType DEFLATE text/html application/json
<VirtualHost 127.0.0.1:${port}>
DocumentRoot ${folder}/www
<Directory ${folder}/www>
Require all granted
</Directory>
DirectoryIndex index.html
${host}
</VirtualHost>
`
}

function caddyAround(folder: string, port: number, [site]: readonly string[]): string {
  return `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  encode gzip
  ${site}
  handle {
    root * ${folder}/www
    file_server
  }
}
`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until something listens, or the program has ended. */
async function answers(child: ChildProcess, port: number): Promise<void> {
  for (let attempt = 0; attempt < 20_000; attempt++) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended')
    const socket = connect(port, '127.0.0.1')
    const state = await Promise.race([
      once(socket, 'connect').then(() => 'open'),
      new Promise((resolve) => socket.once('error', () => resolve('closed'))),
    ])
    socket.destroy()
    if (state === 'open') return
  }
  throw new Error('nothing listens')
}
