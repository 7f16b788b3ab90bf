/** Who may do what. On the unix socket the kernel says who is there; over TCP a token or a certificate does. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { BowlineError } from '../../src/config/error.ts'
import { loadLibc, SO_PEERCRED, SOL_SOCKET } from '../../src/io/libc.ts'

/** Each may do what those before it may. */
export const ROLES = ['read', 'operate', 'configure'] as const
export type Role = (typeof ROLES)[number]

export function allows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** The role of whoever is at the other end of a unix socket: root and our own user may do everything; others are here
 *  because the socket's group and mode let them. undefined: nobody who may be. */
export function roleOfPeer(socket: Socket, group: number | undefined): Role | undefined {
  const peer = peerOf(socket)
  if (peer === undefined) return group === undefined ? 'configure' : 'operate' // the file's mode has to do
  if (peer.uid === 0 || peer.uid === process.geteuid?.()) return 'configure'
  return group === undefined ? undefined : 'operate'
}

/** struct ucred. undefined where it cannot be had: it takes the number of the open file, which Node keeps to itself. */
export function peerOf(socket: Socket): { pid: number; uid: number; gid: number } | undefined {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd
  const libc = loadLibc()
  if (fd === undefined || fd < 0 || typeof libc === 'string') return undefined
  const credentials = new Int32Array(3)
  const length = Uint32Array.of(credentials.byteLength)
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return undefined
  const [pid, uid, gid] = credentials
  return { pid, uid, gid }
}

/** The lines of an access file: `ROLE sha256:HEX` for a token, `ROLE cn:NAME` for a certificate; `#` begins a comment. */
export class AccessList {
  readonly #tokens: { role: Role; hash: Buffer }[] = []
  readonly #names = new Map<string, Role>()

  /** Throws a BowlineError 'access-file' that names the line. */
  constructor(path: string, text = readFileSync(path, 'utf8')) {
    for (const [index, line] of text.split('\n').entries()) {
      const words = line.replace(/#.*/, '').trim()
      if (words === '') continue
      const [, role, kind, value] = /^(\w+)\s+(sha256|cn):(\S.*)$/.exec(words) ?? []
      const known = ROLES.find((one) => one === role)
      if (known === undefined || (kind === 'sha256' && !/^[0-9a-f]{64}$/i.test(value)))
        throw new BowlineError(
          'access-file',
          `management/access-file: line ${index + 1} of ${path} is not understood; write a role (${ROLES.join(', ')}) and ` +
            'sha256: with 64 hexadecimal digits, or cn: with a name',
        )
      if (kind === 'sha256') this.#tokens.push({ role: known, hash: Buffer.from(value, 'hex') })
      else this.#names.set(value, known)
    }
  }

  /** `authorization` is the header of that name (RFC 6750 §2.1). */
  roleOf(socket: Socket, authorization: string | undefined): Role | undefined {
    return this.#roleOfCertificate(socket) ?? this.#roleOfToken(authorization)
  }

  #roleOfCertificate(socket: Socket): Role | undefined {
    const tls = socket as TLSSocket
    if (!tls.encrypted || !tls.authorized) return undefined
    const name = tls.getPeerCertificate().subject?.CN
    return typeof name === 'string' ? this.#names.get(name) : undefined
  }

  #roleOfToken(authorization: string | undefined): Role | undefined {
    const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return undefined
    const hash = createHash('sha256').update(token).digest()
    // every line is compared, so that the time taken says nothing about which one fits
    const fitting = this.#tokens.filter((known) => timingSafeEqual(known.hash, hash))
    return fitting.at(-1)?.role
  }
}
