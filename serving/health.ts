import { setTimeout as delay } from 'node:timers/promises'
import type { HttpServer } from './http-server.ts'
import { servingLimits as limits } from './limits.ts'

/** What one part of a service says about itself. */
export interface HealthCheckResult {
  readonly ok: boolean
  /** For the reader; no secrets. */
  readonly detail?: string
}

export type HealthCheck = () => Promise<HealthCheckResult> | HealthCheckResult

/** What `addHealth` takes. */
export interface HealthOptions {
  readonly service: string
  readonly version: string
  readonly checks?: Readonly<Record<string, HealthCheck>>
}

/** The document under `/-/health`. */
export interface HealthDocument {
  readonly status: 'ok' | 'degraded' | 'stopping'
  readonly service: string
  readonly version: string
  readonly uptimeSeconds: number
  readonly checks: Readonly<Record<string, HealthCheckResult>>
}

/** Adds `GET /-/health`: 200 when every check is well, 503 otherwise and while stopping. */
export function addHealth(server: HttpServer, options: HealthOptions): void {
  const checks = Object.entries(options.checks ?? {})
  if (checks.length > limits.healthChecksMax) throw new RangeError('too many health checks')
  const startedMs = performance.now()
  server.app.get('/-/health', async (_request, reply) => {
    const results = await Promise.all(checks.map(([name, check]) => runCheck(name, check)))
    const well = results.every(([, result]) => result.ok)
    const document: HealthDocument = {
      status: server.stopping ? 'stopping' : well ? 'ok' : 'degraded',
      service: options.service,
      version: options.version,
      uptimeSeconds: Math.floor((performance.now() - startedMs) / 1000),
      checks: Object.fromEntries(results),
    }
    reply.code(document.status === 'ok' ? 200 : 503).header('cache-control', 'no-store')
    return document
  })
}

async function runCheck(
  name: string,
  check: HealthCheck,
): Promise<readonly [string, HealthCheckResult]> {
  const timer = new AbortController()
  const late = delay(
    limits.healthCheckTimeoutMs,
    { ok: false, detail: 'No answer in time.' },
    {
      signal: timer.signal,
      ref: false,
    },
  )
  late.catch(() => undefined)
  try {
    return [name, await Promise.race([Promise.resolve().then(check), late])]
  } catch {
    return [name, { ok: false, detail: 'The check failed.' }]
  } finally {
    timer.abort()
  }
}
