/** How the command line speaks to the running service. */

import { request } from 'node:http'
import { ExitCode, ServiceError } from '../commands/outcome.ts'
import type { Problem } from './problem.ts'
import type { Method } from './routes.ts'

export interface Answer {
  body: unknown
  etag: string | undefined
}

export interface Question {
  method: Method
  path: string
  body?: unknown
  contentType?: string
  ifMatch?: string
}

/** Rejects with a ServiceError: 3 when there is no service at `socketPath`, 1 when it refuses. */
export function askService(socketPath: string, question: Question): Promise<Answer> {
  const { method, path, body, contentType = 'application/json', ifMatch } = question
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    ...(ifMatch && { 'if-match': ifMatch }),
  }
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const answer = parse(Buffer.concat(chunks).toString('utf8'))
        const status = response.statusCode ?? 0
        if (status < 400) resolve({ body: answer, etag: response.headers.etag })
        else reject(refusal(status, answer as Partial<Problem> | undefined))
      })
    })
    asking.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(socketPath, error)))
    asking.end(text)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusal(status: number, problem: Partial<Problem> | undefined): ServiceError {
  const exitCode = status === 422 || status === 400 ? ExitCode.USAGE : ExitCode.FAILED
  return new ServiceError(
    problem?.code ?? 'http',
    problem?.detail ?? `HTTP status ${status}`,
    exitCode,
    problem?.mistakes,
  )
}

function unreachable(socketPath: string, error: NodeJS.ErrnoException): ServiceError {
  if (error.code === 'EACCES')
    return new ServiceError(
      'not-allowed',
      `${socketPath} may not be used by this user; become root or the user of the service`,
      ExitCode.FAILED,
    )
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
    return new ServiceError(
      'not-running',
      `no service takes commands at ${socketPath}; start one with bowline run, or name its configuration with -c or its socket with -s`,
      ExitCode.NOT_RUNNING,
    )
  return new ServiceError('control', `${socketPath}: ${error.message}`, ExitCode.FAILED)
}
