/** How the command line speaks to the running service. */

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
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

/** Whoever waits is told so after a while: what is only told is told at once, what is done may take many seconds. */
const LONG_MS = { told: 5000, done: 30_000 }
/** What has not been told by then never will be; a trace may take a question's time. */
const READ_MS = 70_000

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
    const slow = setTimeout(
      () => process.stderr.write(`${slowText(socketPath)}\n`),
      method === 'GET' ? LONG_MS.told : LONG_MS.done,
    )
    const ends = method === 'GET' ? setTimeout(() => asking.destroy(timeout()), READ_MS) : undefined
    asking.on('close', () => {
      clearTimeout(slow)
      clearTimeout(ends)
    })
    asking.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(socketPath, error)))
    asking.end(text)
  })
}

/** The file beside the socket has the number of the process. */
function slowText(socketPath: string): string {
  const pid = readPid(join(dirname(socketPath), 'supervisor.pid'))
  return (
    `no answer from ${socketPath} yet; still waiting` +
    (pid === undefined ? '' : ` (its supervisor is process ${pid}; ps -o stat,wchan,pcpu -p ${pid} shows what it does)`)
  )
}

function readPid(path: string): string | undefined {
  try {
    return /^\d+/.exec(readFileSync(path, 'latin1'))?.[0]
  } catch {
    return undefined
  }
}

function timeout(): Error {
  return Object.assign(new Error(`no answer within ${READ_MS / 1000} s`), { code: 'ETIMEDOUT' })
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
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
    return new ServiceError(
      'hung-up',
      `${socketPath}: the service hung up before it answered: it ended, or has too many connections; try again in some seconds, and see its log`,
      ExitCode.FAILED,
    )
  return new ServiceError('control', `${socketPath}: ${error.message}`, ExitCode.FAILED)
}
