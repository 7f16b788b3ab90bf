/** The files that say who may command the service over TCP, and how it shows who it is. All are read and understood before
 *  anything is started, and before root's rights are given up. */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { BowlineError } from '../../src/config/error.ts'
import { isReadable } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { AccessList } from './access.ts'

export interface ControlFiles {
  access: AccessList | undefined
  tls: ControlTls | undefined
}

interface ControlTls {
  cert: Buffer
  key: Buffer
  /** The root of the certificates that clients show. */
  ca: Buffer | undefined
  expiresMs: number
}

/** The settings whose files this user cannot read, with the files: those that were read as root. */
export function unreadableControlFiles({ management }: Config): { setting: string; file: string }[] {
  const { 'access-file': accessFile, tls } = management
  const files = { 'access-file': accessFile, ...prefixed('tls/', tls) }
  return Object.entries(files).flatMap(([setting, file]) =>
    file === undefined || isReadable(file) ? [] : [{ setting: `management/${setting}`, file }],
  )
}

function prefixed(start: string, files: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [start + name, file]))
}

/** Throws a BowlineError that names the setting whose file is not what it should be. */
export function readControlFiles({ management }: Config): ControlFiles {
  const { 'access-file': accessFile, tls } = management
  return {
    access: accessFile === undefined ? undefined : new AccessList(accessFile, `${read('access-file', accessFile)}`),
    tls: readTls(tls),
  }
}

function readTls(files: Config['management']['tls']): ControlTls | undefined {
  const { 'cert-file': certFile, 'key-file': keyFile, 'client-ca-file': caFile } = files
  if (certFile === undefined || keyFile === undefined) return undefined
  const cert = read('tls/cert-file', certFile)
  const key = read('tls/key-file', keyFile)
  const certificate = understand('cert-file', certFile, 'a certificate in PEM form', () => new X509Certificate(cert))
  understand('key-file', keyFile, `the private key of the certificate in ${certFile}, in PEM form`, () =>
    createSecureContext({ cert, key }),
  )
  const ca = caFile === undefined ? undefined : read('tls/client-ca-file', caFile)
  if (caFile !== undefined && ca !== undefined)
    understand('client-ca-file', caFile, 'a certificate in PEM form', () => new X509Certificate(ca))
  return { cert, key, ca, expiresMs: certificate.validToDate.getTime() }
}

function read(setting: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new BowlineError('management', `management/${setting}: ${(error as Error).message}; let this user read it`)
  }
}

function understand<Result>(setting: string, file: string, what: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    const { message } = error as Error
    throw new BowlineError('management', `management/tls/${setting}: ${file} is not ${what} (${message}); put it there`)
  }
}
