/** The control API over TCP, for those who show a certificate (mutual TLS). */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { BowlineError } from '../../src/config/error.ts'
import { makeConfig } from '../../src/config/load.ts'
import { readControlFiles } from '../../supervisor/control/files.ts'
import { needPeer } from '../peers.ts'
import { freePort } from '../workers/sockets.ts'
import { Service } from './service.ts'

describe('the control API with certificates', () => {
  let folder: string
  let service: Service
  let port: number
  const file = (name: string) => join(folder, name)

  before(async function () {
    needPeer(this, 'openssl')
    folder = mkdtempSync(join(tmpdir(), 'bowline-tls-'))
    for (const ca of ['ca', 'other-ca']) authority(ca)
    certificate('server', 'ca', 'localhost')
    certificate('monitor', 'ca', 'monitor.example.org')
    certificate('operator', 'ca', 'operator.example.org')
    certificate('stranger', 'ca', 'stranger.example.org')
    certificate('forger', 'other-ca', 'operator.example.org')
    writeFileSync(file('access'), 'read cn:monitor.example.org\noperate cn:operator.example.org\n')
    port = await freePort()
    const management = {
      interface: `127.0.0.1@${port}`,
      'access-file': file('access'),
      tls: { 'cert-file': file('server.crt'), 'key-file': file('server.key'), 'client-ca-file': file('ca.crt') },
    }
    service = new Service({ port: await freePort(), workers: 1, settings: { management } })
    await service.says('started')
  })
  after(async () => {
    await service?.clean()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  function openssl(...words: string[]): void {
    execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
  }

  const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

  function authority(name: string): void {
    openssl(
      'req',
      '-x509',
      ...KEY,
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    )
  }

  function certificate(name: string, ca: string, commonName: string): void {
    openssl('req', ...KEY, '-subj', `/CN=${commonName}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${ca}.crt`,
      '-CAkey',
      `${ca}.key`,
      '-days',
      '1',
      '-out',
      `${name}.crt`,
    )
  }

  /** The HTTP status, or the error of the connection. */
  function ask(method: string, path: string, who?: string): Promise<number | string> {
    const pair =
      who === undefined ? {} : { cert: readFileSync(file(`${who}.crt`)), key: readFileSync(file(`${who}.key`)) }
    return new Promise((resolve) => {
      const asking = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          servername: 'localhost',
          ca: readFileSync(file('ca.crt')),
          ...pair,
          agent: false,
        },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
        },
      )
      asking.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      asking.end()
    })
  }

  it('lets the name in the certificate decide', async () => {
    expect(await ask('GET', '/v1/status', 'monitor')).to.equal(200)
    expect(await ask('POST', '/v1/restart', 'monitor')).to.equal(403)
    expect(await ask('POST', '/v1/restart', 'operator')).to.equal(200)
    expect(await ask('DELETE', '/v1/config/cache', 'operator')).to.equal(403)
    expect(await ask('GET', '/v1/status', 'stranger')).to.equal(401)
  })

  it('tells of files that are not what they should be before anything is started', () => {
    const read = (cert: string, key: string, ca?: string) => () =>
      readControlFiles(
        makeConfig({
          management: {
            tls: { 'cert-file': file(cert), 'key-file': file(key), ...(ca && { 'client-ca-file': file(ca) }) },
          },
        }),
      )
    expect(read('server.crt', 'server.key', 'ca.crt')().tls?.expiresMs).to.be.above(0)
    expect(read('access', 'missing')).to.throw(/management\/tls\/key-file: found .*missing/)
    expect(read('access', 'server.key')).to.throw(
      BowlineError,
      /^management\/tls\/cert-file: .*access is not a certificate/,
    )
    expect(read('server.crt', 'ca.key')).to.throw(
      BowlineError,
      /^management\/tls\/key-file: .*ca\.key is not the private key/,
    )
    expect(read('server.crt', 'server.key', 'access')).to.throw(BowlineError, /^management\/tls\/client-ca-file: /)
  })

  it('speaks with nobody whose certificate another has signed, nor with those who show none', async () => {
    for (const who of ['forger', undefined]) expect(await ask('GET', '/v1/status', who)).to.be.a('string')
  })
})
