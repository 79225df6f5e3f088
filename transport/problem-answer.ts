import { declaredErrors, LongwaveError } from '../protocol/index.ts'
import type { Answer } from './answer.ts'
import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'
import { parseRetryAfter } from './retry-after.ts'

/**
 * The error that an answer stands for: the server's own code when it is one of ours, a code of
 * this area otherwise. What a code means (exit code, whether to retry) is always said by our own
 * table, never by the server; its words are cut and cleaned.
 * @param body the answer's bytes, at most `problemBytesMax`; undefined when there were more
 */
export function errorOfAnswer(
  answer: Answer,
  body: Uint8Array | undefined,
  nowMs: number,
): LongwaveError {
  const retryAfter = parseRetryAfter(answer.headers['retry-after'], nowMs)
  const facts = retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }
  const problem = parseProblem(answer, body)
  const members = { ...problem?.members, httpStatus: answer.status, origin: answer.url.origin }
  const spec = problem === undefined ? undefined : declaredErrors().get(problem.code)
  if (problem !== undefined && spec !== undefined) {
    const detail = problem.detail === undefined ? {} : { detail: problem.detail }
    return new LongwaveError(problem.code, spec, { ...detail, ...facts, members })
  }
  const said = problem?.detail === undefined ? '' : ` It says: ${problem.detail}`
  return transferError(codeOfStatus(answer.status), {
    detail: `${answer.url.host} answered ${answer.status}.${said}`,
    ...facts,
    members: isCode(problem?.code) ? { ...members, serverCode: problem.code } : members,
  })
}

/** A code of ours that nothing in this process declares still says what happened. */
function isCode(code: string | undefined): code is string {
  return code !== undefined && /^LW_[A-Z_]{1,60}$/.test(code)
}

function codeOfStatus(status: number) {
  if (status === 401 || status === 403) return 'LW_TRANSFER_DENIED'
  if (status === 404 || status === 410) return 'LW_TRANSFER_NOT_FOUND'
  if (status === 407) return 'LW_TRANSFER_PROXY_DENIED'
  if (status === 408 || status === 425 || status === 429 || status === 503) {
    return 'LW_TRANSFER_BUSY'
  }
  if (status === 501 || status === 505) return 'LW_TRANSFER_REFUSED'
  if (status >= 500) return 'LW_TRANSFER_SERVER'
  if (status >= 400) return 'LW_TRANSFER_REFUSED'
  return 'LW_TRANSFER_ANSWER'
}

interface Problem {
  readonly code: string
  readonly detail: string | undefined
  readonly members: Readonly<Record<string, unknown>>
}

/** RFC 9457; anything that is not well formed is as if there were no body. */
function parseProblem(answer: Answer, body: Uint8Array | undefined): Problem | undefined {
  const type = answer.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (body === undefined || type !== 'application/problem+json') return undefined
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { code, detail, ...rest } = value as Record<string, unknown>
  return {
    code: typeof code === 'string' ? code : '',
    detail: typeof detail === 'string' ? cleanText(detail) : undefined,
    members: cleanMembers(rest),
  }
}

const standard = new Set(['type', 'title', 'status', 'instance', '__proto__', 'constructor'])

function cleanMembers(rest: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.entries(rest)
    .filter(([name, value]) => {
      return !standard.has(name) && /^[a-zA-Z]\w{0,40}$/.test(name) && depthOf(value) !== undefined
    })
    .slice(0, limits.problemMembersMax)
    .map(([name, value]) => [name, typeof value === 'string' ? cleanText(value) : value] as const)
  return Object.fromEntries(kept)
}

/** How deep a value is nested; undefined when deeper than allowed. */
function depthOf(value: unknown, depth = 0): number | undefined {
  if (typeof value !== 'object' || value === null) return depth
  if (depth === limits.problemMembersDepthMax) return undefined
  for (const inner of Object.values(value)) {
    if (depthOf(inner, depth + 1) === undefined) return undefined
  }
  return depth
}

/** No control characters, no direction marks, no more than a few lines: it goes to a terminal. */
export function cleanText(text: string): string {
  const clean = text
    .slice(0, limits.problemTextCharactersMax)
    .replace(/[\s\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
  return text.length > limits.problemTextCharactersMax ? `${clean}…` : clean
}
