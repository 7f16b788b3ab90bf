/** The HTTP endpoint for monitoring: /metrics for Prometheus, /healthz and /readyz for whoever keeps us running. Everybody who
 *  reaches it may read; nobody can change anything. Bounded in every way, since it lives in the process that keeps all others
 *  alive. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BowlineError } from '../../src/config/error.ts'
import { parseInterface } from '../../src/config/listen.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Log } from '../../src/io/log.ts'
import type { Exporter } from './exporter.ts'

/** Where it is unless the configuration says otherwise. */
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
  log: Log
}

export class MetricsServer {
  readonly #sources: Sources
  #server: Server | undefined
  /** The last one that was closed: somebody may still be connected. */
  #closed: Server | undefined
  /** Where it listens, or tried to. */
  #interface: string | undefined

  constructor(sources: Sources) {
    this.#sources = sources
  }

  /** Listens where `config` says. A port in use rejects with a BowlineError if an operator named it; the default one is only
   *  worth a warning: another service of the same machine may well have it. */
  async follow({ monitoring }: Config): Promise<void> {
    const wanted = monitoring.metrics === 'off' ? undefined : (monitoring.interface ?? DEFAULT_INTERFACE)
    if (wanted === this.#interface) return
    const server = wanted === undefined ? undefined : await this.#open(wanted, monitoring.interface !== undefined)
    this.close()
    this.#server = server
    this.#interface = wanted
  }

  /** Gives the port up, so that another process may have it; requests under way are answered. */
  close(): void {
    this.#server?.close()
    this.#server?.closeIdleConnections()
    this.#closed = this.#server ?? this.#closed
    this.#server = undefined
    this.#interface = undefined
  }

  /** Whoever is still connected is not any more. */
  end(): void {
    this.close()
    this.#closed?.closeAllConnections()
  }

  async #open(text: string, isNamed: boolean): Promise<Server | undefined> {
    const { host, port } = parseInterface(text) as { host: string; port: number }
    const server = createServer({ maxHeaderSize: MAX_HEADERS }, (request, response) => this.#answer(request, response))
    server.maxConnections = MAX_CONNECTIONS
    server.headersTimeout = HEADERS_MS
    server.requestTimeout = REQUEST_MS
    server.keepAliveTimeout = 2 * REQUEST_MS
    const { log } = this.#sources
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port }, resolve)
      })
    } catch (error) {
      const reason = reasonOf(error as NodeJS.ErrnoException)
      if (isNamed)
        throw new BowlineError(
          'monitoring',
          `monitoring/interface: metrics cannot be told at ${text}: ${reason}; name another address or port`,
        )
      log.warning(
        { event: 'no-metrics', interface: text, reason },
        `metrics are not told: ${text} ${reason}; set monitoring/interface to another, or monitoring/metrics to off`,
      )
      return undefined
    }
    server.on('error', () => {}) // a connection that could not be accepted
    log.info({ event: 'metrics', interface: text }, `metrics at http://${urlHost(host)}:${port}/metrics`)
    return server
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
