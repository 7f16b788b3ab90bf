/** The HTTP endpoint for monitoring: /metrics for Prometheus, /healthz and /readyz for whoever keeps us running. Everybody who
 *  reaches it may read; nobody can change anything. Bounded in every way, since it lives in the process that keeps all others
 *  alive. */

import { closeSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BowlineError } from '../../src/config/error.ts'
import { parseInterface } from '../../src/config/listen.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Clock, Timer } from '../../src/io/interfaces.ts'
import { loadLibc } from '../../src/io/libc.ts'
import type { Log } from '../../src/io/log.ts'
import { listenOn } from '../listening-sockets.ts'
import type { Exporter } from './exporter.ts'

export const DEFAULT_INTERFACE = '127.0.0.1@9153'

export const MAX_CONNECTIONS = 32
export const MAX_HEADERS = 8192
const HEADERS_MS = 5000
const REQUEST_MS = 10_000

/** How the service is. */
export interface Health {
  /** Queries are answered. */
  isReady: boolean
  state: string
  version: string
  uptimeMs: number
  workers: { running: number; wanted: number }
}

interface Sources {
  exporter: Exporter
  health(): Health
  clock: Clock
  log: Log
  /** Where it is, and how often that is tried; others only in a test. */
  defaults?: typeof DEFAULTS
}

/** An open socket that another supervisor is to go on with, so that whoever connects meanwhile waits, and is not refused. */
export interface HandedInterface {
  interface: string
  fd: number
}

/** Where it is unless the configuration says otherwise, and how often that is tried when another program has it. */
const DEFAULTS = { interface: DEFAULT_INTERFACE, retryMs: 10_000 }

export class MetricsServer {
  readonly #sources: Sources
  #server: Server | undefined
  /** The last one that was closed: somebody may still be connected. */
  #closed: Server | undefined
  /** Where it listens, or tried to. */
  #interface: string | undefined
  /** Of #server, where libc could be called. */
  #fd: number | undefined
  /** Of another supervisor, not in use yet. */
  #adopted: HandedInterface | undefined
  #retry: Timer | undefined

  constructor(sources: Sources) {
    this.#sources = sources
  }

  /** What another supervisor needs to go on in our place. */
  get handed(): HandedInterface | undefined {
    return this.#fd === undefined || this.#interface === undefined
      ? undefined
      : { interface: this.#interface, fd: this.#fd }
  }

  /** Goes on with the socket of another supervisor, if follow() finds that it is the right one. */
  adopt(handed: HandedInterface | undefined): void {
    this.#adopted = handed
  }

  /** Listens where `config` says. A port in use rejects with a BowlineError if an operator named it; the default one is only
   *  worth a warning: another service of the same machine may well have it. It is tried again. */
  async follow({ monitoring }: Config): Promise<void> {
    const wanted = monitoring.metrics === 'off' ? undefined : (monitoring.interface ?? this.#defaults.interface)
    if (wanted === this.#interface) return
    const opened = wanted === undefined ? undefined : await this.#open(wanted, monitoring.interface !== undefined)
    if (this.#adopted !== undefined) closeSync(this.#adopted.fd)
    this.#adopted = undefined
    this.close()
    this.#interface = wanted
    if (wanted === undefined) return
    if (opened === undefined) this.#tryAgain(wanted)
    else this.#use(opened)
  }

  get #defaults(): typeof DEFAULTS {
    return this.#sources.defaults ?? DEFAULTS
  }

  #use({ server, fd }: Opened): void {
    this.#server = server
    this.#fd = fd
  }

  #tryAgain(wanted: string): void {
    this.#retry = this.#sources.clock.after(this.#defaults.retryMs, async () => {
      const opened = await this.#listen(wanted).catch(() => undefined)
      if (this.#interface !== wanted || this.#server !== undefined) opened?.server.close()
      else if (opened === undefined) this.#tryAgain(wanted)
      else this.#use(opened)
    })
  }

  /** Gives the port up, so that another process may have it; requests under way are answered. */
  close(): void {
    this.#retry?.cancel()
    this.#server?.close()
    this.#server?.closeIdleConnections()
    this.#closed = this.#server ?? this.#closed
    this.#server = undefined
    this.#fd = undefined
    this.#interface = undefined
  }

  /** Whoever is still connected is not any more. */
  end(): void {
    this.close()
    this.#closed?.closeAllConnections()
  }

  async #open(text: string, isNamed: boolean): Promise<Opened | undefined> {
    try {
      return await this.#listen(text)
    } catch (error) {
      const reason = reasonOf(error as NodeJS.ErrnoException)
      if (isNamed)
        throw new BowlineError(
          'monitoring',
          `monitoring/interface: metrics cannot be told at ${text}: ${reason}; name another address or port`,
        )
      this.#sources.log.warning(
        { event: 'no-metrics', interface: text, reason },
        `metrics are not told: ${text} ${reason}; set monitoring/interface to another, or monitoring/metrics to off`,
      )
      return undefined
    }
  }

  /** Rejects with the system's error. */
  async #listen(text: string): Promise<Opened> {
    const { host, port } = parseInterface(text) as { host: string; port: number }
    const server = createServer({ maxHeaderSize: MAX_HEADERS }, (request, response) => this.#answer(request, response))
    server.maxConnections = MAX_CONNECTIONS
    server.headersTimeout = HEADERS_MS
    server.requestTimeout = REQUEST_MS
    server.keepAliveTimeout = 2 * REQUEST_MS
    const fd = this.#socketFor(text, { host, port })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(fd === undefined ? { host, port } : { fd }, resolve)
    })
    server.on('error', () => {}) // a connection that could not be accepted
    this.#sources.log.info({ event: 'metrics', interface: text }, `metrics at http://${urlHost(host)}:${port}/metrics`)
    return { server, fd }
  }

  /** One that can be handed over; undefined where there is no libc to make it. */
  #socketFor(text: string, { host, port }: { host: string; port: number }): number | undefined {
    if (this.#adopted?.interface === text) {
      const { fd } = this.#adopted
      this.#adopted = undefined
      return fd
    }
    const libc = loadLibc()
    if (typeof libc === 'string') return undefined
    return listenOn(libc, { address: host, port, setting: 'monitoring/interface' }, false)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => {})
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      json(response, 405, { error: 'only GET and HEAD' })
      return
    }
    const health = this.#sources.health()
    switch ((request.url ?? '').split('?')[0]) {
      case '/metrics':
        void this.#tell(response)
        return
      case '/healthz':
        json(response, 200, { status: 'alive', ...health })
        return
      case '/readyz':
        json(response, health.isReady ? 200 : 503, { status: health.isReady ? 'ready' : 'not ready', ...health })
        return
      default:
        json(response, 404, { error: 'there are /metrics, /healthz and /readyz' })
    }
  }

  async #tell(response: ServerResponse): Promise<void> {
    try {
      const { contentType, text } = await this.#sources.exporter.page()
      reply(response, 200, contentType, text)
    } catch (error) {
      const err = error as Error
      this.#sources.log.err({ event: 'scrape-failed', err }, `metrics could not be told: ${err.message}`)
      json(response, 500, { error: 'a fault in Bowline; the log has the details' })
    }
  }
}

interface Opened {
  server: Server
  fd: number | undefined
}

function json(response: ServerResponse, status: number, body: object): void {
  reply(response, status, 'application/json', `${JSON.stringify(body)}\n`)
}

function reply(response: ServerResponse, status: number, contentType: string, text: string): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text) // to HEAD, Node sends no body
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'is in use by another program'
  if (code === 'EACCES') return 'may not be used by this user'
  return code === 'EADDRNOTAVAIL' ? 'is no address of this machine' : message
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
