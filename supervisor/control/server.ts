/** The control API: HTTP on a unix socket and, where it is set up, over TCP. Bounded in every way, since it lives in the
 *  process that keeps all others alive. */

import { chmodSync, chownSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { BowlineError } from '../../src/config/error.ts'
import { parseInterface } from '../../src/config/listen.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Log } from '../../src/io/log.ts'
import { groupId } from '../folders.ts'
import type { Manager } from '../manager.ts'
import { allows, peerOf, type Role, roleOfPeer } from './access.ts'
import type { ControlFiles } from './files.ts'
import { openApiDocument } from './openapi.ts'
import { HttpError, makeProblem, type Problem, problemOf } from './problem.ts'
import { ROUTES, type Route } from './routes.ts'

export const MAX_BODY = 1024 * 1024
export const MAX_CONNECTIONS = 64
const HEADERS_MS = 5000
/** How often connections that are too slow are looked for; Node itself does so twice a minute. */
const LOOK_MS = 1000
const REQUEST_MS = 30_000
const BOUNDS = { maxHeaderSize: 8192, connectionsCheckingInterval: LOOK_MS }

type RoleOf = (request: IncomingMessage) => Role | undefined

export class ControlServer {
  readonly #management: Config['management']
  readonly #files: ControlFiles
  readonly #manager: Manager
  readonly #log: Log
  readonly #servers: Server[] = []

  constructor(config: Config, files: ControlFiles, manager: Manager, log: Log) {
    this.#management = config.management
    this.#files = files
    this.#manager = manager
    this.#log = log
  }

  /** Rejects with a BowlineError 'management'; with `anyway`, the log says so, and what can be had is there: a service that has
   *  taken another's place, which is on its way out, must not end for want of this. */
  async open(anyway = false): Promise<void> {
    for (const open of [() => this.#openSocket(this.#management), () => this.#openTcp(this.#management, this.#files)])
      try {
        await open()
      } catch (error) {
        if (!anyway || !(error instanceof BowlineError)) {
          this.close()
          throw error
        }
        this.#log.crit({ event: 'no-control', code: error.code }, error.message)
      }
  }

  /** Takes no more requests, so that another process may; those under way are answered. */
  release(): void {
    for (const server of this.#servers.splice(0)) {
      server.close()
      server.closeIdleConnections()
    }
  }

  close(): void {
    const servers = [...this.#servers]
    this.release()
    for (const server of servers) server.closeAllConnections()
  }

  async #openSocket({ 'unix-socket': path, group }: Config['management']): Promise<void> {
    const gid = group === undefined ? undefined : groupId(group)
    const fail = (reason: string) =>
      new BowlineError('management', `management/unix-socket: no commands can be taken on ${path}: ${reason}`)
    if (group !== undefined && gid === undefined)
      throw new BowlineError(
        'management',
        `management/group: there is no group ${group} here; name one, or leave it out`,
      )
    const roleOf: RoleOf = ({ socket }) => roleOfPeer(socket, gid)
    const server = this.#limit(createServer(BOUNDS, this.#listener(roleOf)))
    rmSync(path, { force: true }) // whoever left it there held the lock of the run folder, and is gone
    const mask = process.umask(0o177) // between bind and chmod nobody else may slip in
    try {
      await listening(server, (done) => server.listen(path, done))
      if (gid !== undefined) chownSync(path, -1, gid)
      chmodSync(path, gid === undefined ? 0o600 : 0o660)
    } catch (error) {
      throw fail((error as Error).message)
    } finally {
      process.umask(mask)
    }
  }

  async #openTcp({ interface: text }: Config['management'], { access, tls }: ControlFiles): Promise<void> {
    const point = text === undefined ? undefined : parseInterface(text)
    if (point === undefined || access === undefined) return
    const listener = this.#listener(({ socket, headers }) => access.roleOf(socket, headers.authorization))
    const server = this.#limit(
      tls === undefined
        ? createServer(BOUNDS, listener)
        : (createTlsServer({ ...certificates(tls), ...BOUNDS, minVersion: 'TLSv1.3' }, listener) as Server),
    )
    if (tls !== undefined) this.#manager.certificates = [{ use: 'management', expiresMs: tls.expiresMs }]
    try {
      await listening(server, (done) => server.listen({ host: point.host, port: point.port }, done))
    } catch (error) {
      throw new BowlineError('management', `management/interface: ${text}: ${(error as Error).message}`)
    }
  }

  #limit(server: Server): Server {
    server.maxConnections = MAX_CONNECTIONS
    server.headersTimeout = HEADERS_MS
    server.requestTimeout = REQUEST_MS
    server.keepAliveTimeout = HEADERS_MS
    this.#servers.push(server)
    return server
  }

  #listener(roleOf: RoleOf): RequestListener {
    return (request, response) => {
      void this.#answer(request, response, roleOf).catch((error: unknown) => {
        const err = error instanceof Error ? error : new Error(String(error))
        this.#log.err({ event: 'control-failed', err }, `a control request failed: ${err.message}`)
        reply(response, 500, makeProblem(500, 'fault', 'a fault in Bowline; the log has the details'))
      })
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, roleOf: RoleOf): Promise<void> {
    request.on('error', () => {})
    try {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control')
      const role = roleOf(request)
      if (role === undefined)
        throw new HttpError(401, 'who', 'show a token or a certificate that the access file names', {
          'www-authenticate': 'Bearer',
        })
      if (pathname === '/v1/openapi.json' && request.method === 'GET') {
        reply(response, 200, openApiDocument())
        return
      }
      const { route, rest } = findRoute(request.method ?? '', pathname)
      if (!allows(role, route.role))
        throw new HttpError(403, 'role', `this takes the role ${route.role}, and yours is ${role}`)
      const contentType = mediaType(request)
      const body = await readBody(request, route, contentType)
      this.#note(request, route, role)
      const answer = await route.handle(this.#manager, {
        rest,
        query: searchParams,
        body,
        contentType,
        ifMatch: request.headers['if-match'],
      })
      if (answer.etag !== undefined) response.setHeader('etag', answer.etag)
      reply(response, answer.status ?? 200, answer.body)
    } catch (error) {
      const problem = problemOf(error)
      if (problem === undefined) throw error
      if (error instanceof HttpError)
        for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
      if (problem.status === 503) response.setHeader('retry-after', '1')
      reply(response, problem.status, problem)
    }
  }

  /** Who had what done stands in the log. */
  #note({ method, url, socket }: IncomingMessage, route: Route, role: Role): void {
    if (route.method === 'GET') return
    const peer = peerOf(socket)
    this.#log.notice(
      { event: 'control', method, url, role, uid: peer?.uid, clientPid: peer?.pid, client: socket.remoteAddress },
      `${method} ${url}`,
    )
  }
}

function certificates({ cert, key, ca }: NonNullable<ControlFiles['tls']>) {
  return { cert, key, ca, requestCert: ca !== undefined, rejectUnauthorized: ca !== undefined }
}

function findRoute(method: string, pathname: string): { route: Route; rest: string } {
  const fitting = ROUTES.flatMap((route) => {
    const rest = restOf(route, pathname)
    return rest === undefined ? [] : [{ route, rest }]
  })
  if (fitting.length === 0) throw new HttpError(404, 'path', `there is nothing at ${pathname}; see /v1/openapi.json`)
  const found = fitting.find(({ route }) => route.method === method)
  if (found !== undefined) return found
  const methods = fitting.map(({ route }) => route.method).join(', ')
  throw new HttpError(405, 'method', `${pathname} knows ${methods}`, { allow: methods }) // RFC 9110 §15.5.6
}

/** What stands after the path of `route`; undefined when it is not that path. */
function restOf({ path }: Route, pathname: string): string | undefined {
  if (!path.endsWith('/*')) return pathname === path ? '' : undefined
  const start = path.slice(0, -2)
  if (pathname !== start && !pathname.startsWith(`${start}/`)) return undefined
  try {
    return decodeURIComponent(pathname.slice(start.length))
  } catch {
    throw new HttpError(400, 'path', `${pathname} has a % that begins no octet`)
  }
}

function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase()
}

async function readBody(request: IncomingMessage, route: Route, contentType: string): Promise<unknown> {
  const text = await readText(request)
  if (route.body === undefined) return undefined
  const allowed = route.contentTypes ?? ['application/json']
  if (text !== '' && !allowed.includes(contentType))
    throw new HttpError(415, 'content-type', `the body must be one of ${allowed.join(', ')}`, {
      [route.method === 'PATCH' ? 'accept-patch' : 'accept']: allowed.join(', '), // RFC 5789 §2.2, RFC 9110 §12.5.1
    })
  let value: unknown
  try {
    value = text === '' ? undefined : JSON.parse(text)
  } catch (error) {
    throw new HttpError(400, 'json', `the body is no JSON: ${(error as Error).message}`)
  }
  const parsed = route.body.safeParse(value)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  throw new HttpError(422, 'body', `the body is not what is expected: ${[...path, message].join(': ')}`)
}

async function readText(request: IncomingMessage): Promise<string> {
  const tooLarge = () => new HttpError(413, 'too-large', `the body may have ${MAX_BODY} octets at most`)
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooLarge()
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > MAX_BODY) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return
  const type = status >= 400 ? 'application/problem+json' : 'application/json'
  const text = `${JSON.stringify(body as Problem)}\n`
  if (status === 413) response.setHeader('connection', 'close') // the rest of the body is not read
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}

function listening(server: Server, listen: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    listen(() => {
      server.off('error', reject)
      server.on('error', () => {}) // a connection that could not be accepted
      resolve()
    })
  })
}
