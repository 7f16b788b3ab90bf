/** What happens to those whom the cache can answer while all places for questions to other servers are taken? Nothing. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Message, parseReply } from '../../src/wire/message.ts'
import { nameToText } from '../../src/wire/name.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Rcode } from '../../src/wire/types.ts'
import { Authority } from '../lab/authority.ts'
import { Listener } from '../lab/listener.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { freePort, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

const PLACES = 10
const ZONE = `
. 3600 IN SOA ns.net. admin.net. 1 3600 600 86400 60
. 3600 IN NS ns.net.
ns.net. 3600 IN A 127.0.0.1
known.net. 3600 IN A 192.0.2.1
`

describe('a worker whose places for recursion are taken', () => {
  let folder: string
  let internet: Listener
  let service: Service
  let port: number
  const clients: UdpClient[] = []

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-overload-'))
    const hints = join(folder, 'root.hints')
    writeFileSync(hints, '. 3600000 NS ns.net.\nns.net. 3600000 A 127.0.0.1\n')
    const authority = new Authority([{ origin: '.', records: () => parseZoneText(ZONE) }])
    const upstreamPort = await freePort()
    internet = await Listener.open('127.0.0.1', upstreamPort, ({ packet, protocol, send }) => {
      const asked = nameToText(new Message(packet).question()!.name).toLowerCase()
      if (asked.includes('silent')) return
      const reply = authority.respond(packet, protocol)
      if (reply !== undefined) send(reply)
    })
    const options = {
      'query-loopback': true,
      'root-hints-file': hints,
      'upstream-port': upstreamPort,
      'max-recursions': PLACES,
    }
    port = await freePort()
    service = new Service({ port, workers: 1, real: true, settings: { options } })
    await service.says('started')
  })
  after(async () => {
    for (const client of clients) client.close()
    await service.clean()
    await internet.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function client(): UdpClient {
    const made = new UdpClient()
    clients.push(made)
    return made
  }

  it('goes on answering from the cache, refuses new questions at once, and counts them', async () => {
    const asker = client()
    const known = async (id: number) => parseReply((await asker.ask(queryFor('known.net', id), port)).message)
    expect((await known(1)).rcode).to.equal(Rcode.NOERROR)
    const waiting = client()
    for (let i = 0; i < 3 * PLACES; i++) waiting.send(queryFor(`silent${i}.net`, i), port)
    // the same question once more takes no place
    for (let i = 0; i < 5; i++) client().send(queryFor('silent0.net', i), port)
    const refused: number[] = []
    while (refused.length < 2 * PLACES) {
      const { message } = await waiting.next()
      expect(parseReply(message).rcode).to.equal(Rcode.SERVFAIL)
      refused.push(message.readUInt16BE(0))
    }
    expect(Math.min(...refused)).to.be.at.least(PLACES) // who came first has the places
    for (let id = 2; id < 200; id++) {
      const reply = await known(id)
      expect(reply.rcode).to.equal(Rcode.NOERROR)
      expect(reply.answer).to.have.length(1)
    }
    const { stdout } = await bowline('counters', '-s', service.socket)
    const count = /bowline_overload_refused_total\{what="recursions"\} (\d+)/.exec(stdout)?.[1]
    expect(Number(count)).to.be.at.least(2 * PLACES)
  })
})
