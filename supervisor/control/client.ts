/** How the command line speaks to the running service. */

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
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

/** A service whose supervisor lives and takes no commands is starting, or being replaced by a new one: it is tried again. */
const COMING_MS = 5000
const AGAIN_MS = 100

/** As ask(), and again for some seconds where a service seems to be on its way. */
export async function askService(socketPath: string, question: Question): Promise<Answer> {
  for (const deadline = performance.now() + COMING_MS; ; await pause(AGAIN_MS))
    try {
      return await ask(socketPath, question)
    } catch (error) {
      const isThere = error instanceof ServiceError && error.exitCode === ExitCode.NOT_RUNNING
      const pid = isThere ? livingSupervisor(socketPath) : undefined
      if (pid === undefined) throw error
      if (performance.now() < deadline) continue
      throw new ServiceError(
        'not-ready',
        `the service (process ${pid}) takes no commands at ${socketPath} yet: it is starting, or stopping; see its log`,
        ExitCode.NOT_RUNNING,
      )
    }
}

/** Rejects with a ServiceError: 3 when there is no service at `socketPath`, 1 when it refuses. */
function ask(socketPath: string, question: Question): Promise<Answer> {
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

function slowText(socketPath: string): string {
  const pid = livingSupervisor(socketPath)
  return (
    `no answer from ${socketPath} yet; still waiting` +
    (pid === undefined ? '' : ` (its supervisor is process ${pid}; ps -o stat,wchan,pcpu -p ${pid} shows what it does)`)
  )
}

/** The file beside the socket has the number of the process, which it may outlive. */
function livingSupervisor(socketPath: string): number | undefined {
  let pid = Number.NaN
  try {
    pid = Number.parseInt(readFileSync(join(dirname(socketPath), 'supervisor.pid'), 'latin1'), 10)
    process.kill(pid, 0)
    return pid
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined // it is there, and another user's
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
