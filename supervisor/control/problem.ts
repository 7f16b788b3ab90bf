/** Errors as documents (RFC 9457): each has the HTTP status and a stable `code`, and says what to do in `detail`. */

import { BowlineError } from '../../src/config/error.ts'
import { ConfigError } from '../../src/config/mistake.ts'

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: string
  mistakes?: unknown
}

export class HttpError extends Error {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, detail: string, headers = {}) {
    super(detail)
    this.problem = makeProblem(status, code, detail)
    this.headers = headers
  }
}

/** What a failed request is answered with. undefined: a fault of ours, of which nobody outside hears more. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof HttpError) return error.problem
  if (!(error instanceof BowlineError)) return undefined
  const problem = makeProblem(STATUS[error.code] ?? 409, error.code, error.message)
  return error instanceof ConfigError ? { ...problem, mistakes: error.mistakes } : problem
}

export function makeProblem(status: number, code: string, detail: string): Problem {
  return { type: `urn:bowline:error:${code}`, title: TITLES[status] ?? 'Error', status, detail, code }
}

/** Where 409 (it does not fit the present state) is not it. */
const STATUS: Record<string, number> = {
  config: 422,
  'trust-anchors': 422,
  'root-hints-file': 422,
  'negative-trust-anchors': 422,
  scale: 422,
  pointer: 422,
  'patch-test': 409,
  etag: 412,
  'no-such-setting': 404,
  'no-such-worker': 404,
  busy: 503,
}

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Who are you?',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Wrong content',
  500: 'Fault in Bowline',
  503: 'Not now',
}
