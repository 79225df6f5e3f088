import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ServingCounters } from './counters.ts'
import { servingError } from './errors.ts'
import { problemOf } from './problem.ts'

/** Answers bytes that are no HTTP request, then closes: nothing after them can be trusted. */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
  facts: { readonly counters: ServingCounters; readonly requestId: string },
): void {
  facts.counters.malformedRequests += 1
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    // Half an answer may be on its way already; another one would be taken for its body.
    socket.destroy(error)
    return
  }
  const problem = problemOf(clientError(error.code), facts.requestId)
  const lines = [`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`]
  for (let at = 0; at + 1 < problem.headers.length; at += 2) {
    lines.push(`${problem.headers[at]}: ${problem.headers[at + 1]}`)
  }
  lines.push('Connection: close', '', '')
  socket.end(Buffer.concat([Buffer.from(lines.join('\r\n')), problem.body]))
  socket.once('finish', () => socket.destroy())
}

function clientError(code: string | undefined) {
  if (code === 'HPE_HEADER_OVERFLOW') return servingError('LW_SERVE_HEADERS_TOO_LARGE')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return servingError('LW_SERVE_TIMEOUT')
  return servingError('LW_SERVE_REQUEST')
}
