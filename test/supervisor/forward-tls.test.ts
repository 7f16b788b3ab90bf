/** The whole service before resolvers of others, which it asks over TLS. */

import { createHash, X509Certificate } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ConfigInput } from '../../src/config/schema.ts'
import { parseReply } from '../../src/wire/message.ts'
import { Rcode } from '../../src/wire/types.ts'
import { Child } from '../lab/child.ts'
import { needPeer } from '../peers.ts'
import { certify, makeCertificates } from '../support/certificates.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, pause, UdpClient } from '../workers/sockets.ts'
import { Service } from './service.ts'

/** What each needs to be told to answer for www.corp.net over TLS, and for nothing else. */
const resolvers: Record<string, (port: number, folder: string) => { config: string; parameters: string[] }> = {
  unbound: (port, folder) => ({
    config: `server:
  interface: 127.0.0.1@${port}
  tls-port: ${port}
  tls-service-key: "${folder}/resolver.key"
  tls-service-pem: "${folder}/resolver.crt"
  local-zone: "." static
  local-data: "www.corp.net. 300 A 192.0.2.7"
  module-config: "iterator"
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
remote-control:
  control-enable: no
`,
    parameters: ['-d', '-c', `${folder}/config`],
  }),
  kresd: (port, folder) => ({
    config: `net.listen('127.0.0.1', ${port}, { kind = 'tls' })
net.tls('${folder}/resolver.crt', '${folder}/resolver.key')
modules = { 'hints > iterate' }
hints.set('www.corp.net 192.0.2.7')
trust_anchors.remove('.')
`,
    parameters: ['-n', '-c', `${folder}/config`, folder],
  }),
}

for (const [name, recipe] of Object.entries(resolvers))
  describe(`the whole service before ${name}, over TLS`, () => {
    let folder: string
    let peer: Child | undefined
    let peerPort: number
    let service: Service | undefined
    let port: number

    before(async function () {
      needPeer(this, 'openssl', name)
      folder = mkdtempSync(join(tmpdir(), 'bowline-forward-tls-'))
      await makeCertificates(folder)
      await certify(folder, 'resolver', 'DNS:dns.corp.net')
      peerPort = await freePort()
      const { config, parameters } = recipe(peerPort, folder)
      writeFileSync(join(folder, 'config'), config)
      peer = new Child(name, parameters)
      await untilListening(peerPort)
    })

    after(async () => {
      await peer?.stop()
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    })

    beforeEach(async () => {
      port = await freePort()
    })

    afterEach(() => service?.clean())

    async function start(identity: object): Promise<void> {
      const servers = [{ address: `127.0.0.1@${peerPort}`, transport: 'tls' as const, ...identity }]
      const settings: ConfigInput = {
        forward: [{ subtree: '.', servers, options: { dnssec: false } }],
        options: { priming: false },
      }
      service = new Service({ port, real: true, workers: 1, settings, withFile: true })
      await service.says('started')
    }

    async function ask(id: number, qname = 'www.corp.net') {
      const client = new UdpClient()
      try {
        return parseReply((await client.ask(queryFor(qname, id), port, '127.0.0.1', 8000)).message)
      } finally {
        client.close()
      }
    }

    it('answers with what it says, known by its name', async () => {
      await start({ hostname: 'dns.corp.net', 'ca-file': join(folder, 'ca.crt') })
      const reply = await ask(1)
      expect(reply.rcode).to.equal(Rcode.NOERROR)
      expect(reply.answer.map((set) => [...set.rdatas[0]])).to.deep.equal([[192, 0, 2, 7]])
    })

    it('reads the CA file again when told to reload', async function () {
      this.timeout(40_000)
      const caFile = join(folder, 'new-ca.crt')
      writeFileSync(caFile, readFileSync(join(folder, 'resolver.crt'))) // no CA, but a certificate
      await start({ hostname: 'dns.corp.net', 'ca-file': caFile })
      expect((await ask(4, 'other.corp.net')).rcode).to.equal(Rcode.SERVFAIL)
      await service!.says('untrusted-server')
      copyFileSync(join(folder, 'ca.crt'), caFile)
      service!.process.kill('SIGHUP')
      await service!.says('reloaded')
      // What failed is left alone for a while.
      for (let id = 5; id < 30 && (await ask(id)).rcode !== Rcode.NOERROR; id++) await pause(500)
      expect((await ask(30)).rcode).to.equal(Rcode.NOERROR)
    })

    it('answers with what it says, known by its key', async () => {
      const { publicKey } = new X509Certificate(readFileSync(join(folder, 'resolver.crt')))
      const pin = createHash('sha256')
        .update(publicKey.export({ type: 'spki', format: 'der' }))
        .digest('base64')
      await start({ 'pin-sha256': pin })
      expect((await ask(2)).rcode).to.equal(Rcode.NOERROR)
    })

    it('does not answer, and says why, when its key is another than the one pinned', async () => {
      await start({ 'pin-sha256': 'OLzhpgEZsWqJu6Lc1aRPGqjXVGGoG+gM44Cok/rAUqM=' })
      expect((await ask(3)).rcode).to.equal(Rcode.SERVFAIL)
      const line = await service!.says('untrusted-server')
      expect(line.msg).to.match(/^it is sent nothing: its public key has the pin [\w+/]{43}=, which is none of those/)
    })
  })

async function untilListening(port: number): Promise<void> {
  let listens = false
  const knock = () => {
    const socket = connect(port, '127.0.0.1', () => {
      listens = true
      socket.destroy()
    }).on('error', () => {})
    return listens
  }
  await eventually(knock, `somebody at port ${port}`, 20_000)
}
