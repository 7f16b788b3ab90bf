/** Connections to servers over TLS (RFC 7858). Nothing is sent before the server has shown to be the one that is meant, and a
 *  server to be asked over TLS is never asked otherwise (RFC 8310 §5, strict privacy). Sessions are resumed, so that a new
 *  connection costs one round trip less and no certificate (RFC 8446 §2.2). */

import { createHash } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { ServerAddress } from './address.ts'
import type { Clock } from './interfaces.ts'
import type { TlsIdentity } from './tls-identity.ts'

export interface TlsDialerOptions {
  clock: Clock
  /** A server did not show to be the one that is meant, otherwise than the last time. */
  onUntrusted: (server: ServerAddress, why: string) => void
}

export interface TlsCounters {
  handshakes: number
  /** Of these, those that took up a former session. */
  resumed: number
  /** Servers that did not show to be the ones that are meant. */
  untrusted: number
}

/** How long a session may be resumed: a certificate may expire meanwhile, or be replaced because its key has leaked. */
const SESSION_MS = 3600_000
interface Session {
  ticket: Buffer
  untilMs: number
}

/** Sessions kept of one server. Under TLS 1.3, each is used once, lest connections be linked by who listens (RFC 8446 §C.4). */
const MAX_SESSIONS = 4

export class TlsDialer {
  readonly counters: TlsCounters = { handshakes: 0, resumed: 0, untrusted: 0 }
  readonly #options: TlsDialerOptions
  /** By ServerAddress.key; there are as many as operators name. */
  readonly #sessions = new Map<string, Session[]>()
  readonly #contexts = new WeakMap<TlsIdentity, SecureContext>()
  readonly #distrust = new Map<string, string>()

  constructor(options: TlsDialerOptions) {
    this.#options = options
  }

  /** Opens a connection to `server`, which has an identity. `ready` is called when it may be used; before that, what is
   *  written waits. One that fails, or is not with whom it should be, is destroyed with an error. */
  readonly dial = (server: ServerAddress, localAddress: string | undefined, ready: () => void): Socket => {
    const identity = server.tls as TlsIdentity
    const former = this.#takeSession(server)
    const options: ConnectionOptions & { localAddress: string | undefined } = {
      host: server.hostText, // an address, so that Node looks nothing up
      port: server.port,
      localAddress,
      servername: isIP(identity.hostname ?? '') === 0 ? identity.hostname : '', // RFC 6066 §3: no addresses
      checkServerIdentity: (_, certificate) => checkServerIdentity(identity.hostname ?? '', certificate),
      secureContext: this.#contextFor(identity),
      session: former?.ticket,
      rejectUnauthorized: false, // why it is not, whyDistrusted() judges, as there may be pins
    }
    const socket = connect(options)
    let trusted = false
    const early: Buffer[] = []
    socket.setNoDelay(true)
    socket.cork() // until the server is known
    socket.on('session', (ticket) => {
      if (trusted) this.#keepSession(server, this.#newSession(ticket))
      else early.push(ticket)
    })
    socket.on('secureConnect', () => {
      this.counters.handshakes++
      const why = whyDistrusted(socket, identity)
      if (why !== undefined) {
        this.#distrusted(server, why)
        socket.destroy(new UntrustedError(why))
        return
      }
      trusted = true
      this.#distrust.delete(server.key)
      if (former !== undefined && socket.isSessionReused()) {
        this.counters.resumed++
        // TLS 1.2 goes on with the old ticket unless it gives a new one (RFC 5077 §3.3).
        if (socket.getProtocol() === 'TLSv1.2' && early.length === 0) this.#keepSession(server, former)
      }
      for (const ticket of early) this.#keepSession(server, this.#newSession(ticket))
      socket.uncork()
      ready()
    })
    return socket
  }

  #contextFor(identity: TlsIdentity): SecureContext {
    let context = this.#contexts.get(identity)
    if (context === undefined) {
      context = createSecureContext({ ca: identity.ca, minVersion: 'TLSv1.2' }) // RFC 9325 §3.1.1
      this.#contexts.set(identity, context)
    }
    return context
  }

  #takeSession({ key }: ServerAddress): Session | undefined {
    const nowMs = this.#options.clock.monotonicMs()
    const sessions = this.#sessions.get(key) ?? []
    const fresh = sessions.filter(({ untilMs }) => untilMs > nowMs)
    const taken = fresh.pop()
    this.#sessions.set(key, fresh)
    return taken
  }

  #newSession(ticket: Buffer): Session {
    return { ticket, untilMs: this.#options.clock.monotonicMs() + SESSION_MS }
  }

  #keepSession({ key }: ServerAddress, session: Session): void {
    const sessions = this.#sessions.get(key) ?? []
    sessions.push(session)
    this.#sessions.set(key, sessions.slice(-MAX_SESSIONS))
  }

  #distrusted(server: ServerAddress, why: string): void {
    this.counters.untrusted++
    if (this.#distrust.get(server.key) === why) return
    this.#distrust.set(server.key, why)
    this.#options.onUntrusted(server, why)
  }
}

class UntrustedError extends Error {
  readonly code = 'UNTRUSTED'
}

/** Why the server at the other end of `socket` is not shown to be the one with `identity`; undefined: it is. A resumed session
 *  was kept only after its server had been trusted, for the same identity, and only that server can resume it. */
function whyDistrusted(socket: TLSSocket, { hostname, pins }: TlsIdentity): string | undefined {
  if (hostname !== undefined && !socket.authorized)
    return REASONS[String(socket.authorizationError)] ?? `certificate refused (${socket.authorizationError})`
  if (pins.length === 0 || socket.isSessionReused()) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'it shows no certificate'
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const pin = createHash('sha256').update(publicKey).digest('base64')
  return pins.includes(pin) ? undefined : `its public key has the pin ${pin}, which is none of those configured`
}

/** What Node says, in words. */
const REASONS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself and not in the CA file',
  SELF_SIGNED_CERT_IN_CHAIN: 'the CA that signed its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the CA that signed its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the CA that signed its certificate is not trusted',
}
