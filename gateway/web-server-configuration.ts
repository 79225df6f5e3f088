import { assertNever } from '../protocol/index.ts'
import { parseBasePath } from './base-path.ts'
import { gatewayError } from './errors.ts'

export type WebServer = 'nginx' | 'apache' | 'caddy'

export const webServers: readonly WebServer[] = ['nginx', 'apache', 'caddy']

/** What `webServerConfiguration` takes. */
export interface WebServerOptions {
  /** Where the transmitter lies on the site, e.g. `/dl`. */
  readonly path: string
  /** The transmitter itself: `http://host:port`. */
  readonly upstream: string
}

/** One piece of a configuration, and the place where it belongs. */
export interface ConfigurationPiece {
  /** E.g. "inside the server block". */
  readonly place: string
  readonly text: string
}

/**
 * The configuration that puts a transmitter below a path of a site that nginx, Apache or Caddy
 * serves. Uploads and downloads stream, ranges and entity tags pass unchanged, and nothing outside
 * the path is touched. It is tried against the real servers by the tests.
 * @throws LW_GATEWAY_PATH, LW_GATEWAY_UPSTREAM
 */
export function webServerConfiguration(
  server: WebServer,
  options: WebServerOptions,
): readonly ConfigurationPiece[] {
  const path = parseBasePath(options.path)
  const upstream = parseUpstream(options.upstream)
  switch (server) {
    case 'nginx':
      return nginx(path, upstream)
    case 'apache':
      return apache(path, upstream)
    case 'caddy':
      return caddy(path, upstream)
    default:
      return assertNever(server)
  }
}

function parseUpstream(text: string): URL {
  try {
    const url = new URL(text)
    const isBare = url.pathname === '/' && url.search === '' && url.hash === ''
    if (url.protocol === 'http:' && isBare && url.username === '') return url
  } catch {
    // Said below.
  }
  throw gatewayError('LW_GATEWAY_UPSTREAM', {
    detail: `${JSON.stringify(text)} is not like http://127.0.0.1:5282.`,
  })
}

/** Publishing may wait ten minutes for repeaters before it answers. */
const answerSeconds = 660

function nginx(path: string, upstream: URL): readonly ConfigurationPiece[] {
  const name = `longwave_${upstream.port === '' ? '80' : upstream.port}`
  return [
    {
      place: 'inside the http block, beside the server block',
      text: `upstream ${name} {
    server ${upstream.host};
    # Opening a connection for each request would cost several times as much.
    keepalive 32;
}
`,
    },
    {
      place: 'inside the server block of the site',
      text: `location = ${path} {
    return 308 ${path}/;
}
location ^~ ${path}/ {
    proxy_pass http://${name}/;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    # Whole releases are uploaded: they stream through, in any size.
    client_max_body_size 0;
    client_body_timeout 120s;
    proxy_request_buffering off;
    # Objects stream out of memory, never through temporary files.
    proxy_max_temp_file_size 0;
    proxy_read_timeout ${answerSeconds}s;
    proxy_send_timeout 120s;
    # What is hashed and signed must arrive as it was sent.
    gzip off;
    proxy_redirect off;
}
`,
    },
  ]
}

function apache(path: string, upstream: URL): readonly ConfigurationPiece[] {
  return [
    {
      place: 'inside the VirtualHost of the site (a2enmod proxy proxy_http)',
      text: `ProxyRequests Off
# Encoded names pass as they are.
AllowEncodedSlashes NoDecode
RedirectMatch permanent "^${path.replace(/[.]/g, '\\.')}$" "${path}/"
<Location "${path}/">
    ProxyPass "http://${upstream.host}/" connectiontimeout=5 timeout=${answerSeconds} nocanon
    # Whole releases are uploaded: they stream through, in any size.
    LimitRequestBody 0
    # What is hashed and signed must arrive as it was sent.
    SetEnv no-gzip 1
    SetEnv no-brotli 1
    SetEnv proxy-sendchunked 1
</Location>
`,
    },
  ]
}

function caddy(path: string, upstream: URL): readonly ConfigurationPiece[] {
  return [
    {
      place: 'inside the site block',
      text: `redir ${path} ${path}/ 308
handle_path ${path}/* {
    reverse_proxy ${upstream.host} {
        # Bytes go out as they come in.
        flush_interval -1
        transport http {
            # What is hashed and signed must arrive as it was sent.
            compression off
            response_header_timeout ${answerSeconds}s
        }
    }
}
`,
    },
  ]
}
