import type { onRequestHookHandler } from 'fastify'
import { Counter, Gauge, Registry } from 'prom-client'
import type { ServingCounters } from './counters.ts'
import type { HttpServer } from './http-server.ts'

/** What `addMetrics` takes. */
export interface MetricsOptions {
  /** Decides who may read them; everybody who reaches the server when absent. */
  readonly guard?: onRequestHookHandler
}

const described: Readonly<Record<keyof ServingCounters, readonly [string, string]>> = {
  pollsChanged: ['longwave_polls_changed_total', 'Polls answered with a document'],
  pollsUnchanged: ['longwave_polls_unchanged_total', 'Polls answered with 304'],
  objectsWhole: ['longwave_objects_whole_total', 'Objects sent whole'],
  objectsPart: ['longwave_objects_part_total', 'Parts of objects sent'],
  objectsUnchanged: ['longwave_objects_unchanged_total', 'Objects answered with 304'],
  objectsFromMemory: ['longwave_objects_from_memory_total', 'Objects sent from memory'],
  objectBytes: ['longwave_object_bytes_total', 'Bytes of objects sent'],
  objectsBroken: ['longwave_objects_broken_total', 'Objects whose body broke off'],
  slowClientsCut: ['longwave_slow_clients_cut_total', 'Connections cut for being too slow'],
  malformedRequests: ['longwave_malformed_requests_total', 'Bytes that were no HTTP request'],
  problems: ['longwave_problems_total', 'Requests answered with an error'],
}

/**
 * Adds `GET /-/metrics` in the Prometheus text format and returns the server's own registry, to
 * which roles add theirs.
 */
export function addMetrics(server: HttpServer, options: MetricsOptions = {}): Registry {
  const registry = new Registry()
  addServingCounters(registry, server.counters)
  addProcessGauges(registry, server)
  const guard = options.guard === undefined ? {} : { onRequest: options.guard }
  server.app.get('/-/metrics', guard, async (_request, reply) => {
    reply.header('content-type', registry.contentType).header('cache-control', 'no-store')
    return await registry.metrics()
  })
  return registry
}

function addServingCounters(registry: Registry, counters: ServingCounters): void {
  for (const [key, [name, help]] of Object.entries(described)) {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(counters[key as keyof ServingCounters])
      },
    })
  }
}

function addProcessGauges(registry: Registry, server: HttpServer): void {
  const registers = [registry]
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'longwave_event_loop_utilisation',
    help: 'Share of time in which the event loop was busy, since the start',
    registers,
    collect() {
      this.set(performance.eventLoopUtilization().utilization)
    },
  })
  new Gauge({
    name: 'longwave_connections',
    help: 'Open connections',
    registers,
    async collect() {
      this.set(await server.connections())
    },
  })
}
