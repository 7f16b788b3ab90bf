/** A module that lies outside of Bowline: loaded by its path, told to do something, changed, and loaded again. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseReply } from '../../src/wire/message.ts'
import { rdataToText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { freePort, UdpClient } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

describe('a module outside of Bowline', () => {
  let folder: string
  let service: Service
  let port: number

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-outside-'))
    const made = await bowline('module', 'new', 'greeter', '--in', folder)
    expect(made.code, made.stderr).to.equal(0)
    port = await freePort()
    const modules = [{ from: join(folder, 'greeter'), config: { greeting: 'good morning' } }]
    service = new Service({
      port,
      real: true,
      workers: 2,
      withFile: true,
      settings: { modules, dnssec: { enable: false } },
    })
    await service.says('started') // two processes have been started before
  })
  after(async () => {
    await service?.clean()
    rmSync(folder, { recursive: true, force: true })
  })

  const tell = (...words: string[]) => bowline('module', ...words, '-s', service.socket)

  async function greeting(): Promise<string[]> {
    const client = new UdpClient()
    const packet = queryFor('greeter.example', 7)
    packet[packet.length - 3] = Type.TXT
    const reply = parseReply((await client.ask(packet, port)).message)
    client.close()
    return reply.answer.flatMap((set) => set.rdatas.map((rdata) => rdataToText(Type.TXT, rdata)))
  }

  it('answers', async () => expect(await greeting()).to.deep.equal(['"good morning"']))

  it('is listed, with what it can be told', async () => {
    const { stdout } = await tell('list')
    expect(stdout).to.match(/^greeter +Greets those who ask\.$/m)
    expect(stdout).to.match(/^ {2}run greeter said: /m)
    expect(stdout).to.match(/^special-names /m)
  })

  it('does in each worker what it is told', async () => {
    await greeting()
    const { stdout, code } = await tell('run', 'greeter', 'said', '--json')
    expect(code).to.equal(0)
    const { outcomes } = JSON.parse(stdout) as { outcomes: { value: { times: number } }[] }
    expect(outcomes.length).to.equal(2)
    expect(outcomes.reduce((sum, { value }) => sum + value.times, 0)).to.be.greaterThan(0)
    expect((await tell('run', 'greeter', 'sing')).stderr).to.contain(
      'sing is nothing that the module greeter can be told',
    )
    expect((await tell('run', 'nobody', 'said')).stderr).to.contain('no module nobody runs')
  })

  it('is loaded again by a reload, no setting having changed', async () => {
    const file = join(folder, 'greeter', 'index.ts')
    writeFileSync(file, readFileSync(file, 'utf8').replace("config.greeting ?? 'hello'", "'changed'"))
    const { code, stderr } = await bowline('reload', '-s', service.socket)
    expect(code, stderr).to.equal(0)
    expect(await greeting()).to.deep.equal(['"changed"'])
  })

  it('is not let in when it has become unusable: what runs goes on', async () => {
    const file = join(folder, 'greeter', 'index.ts')
    writeFileSync(file, 'export default 1')
    const { code, stderr } = await bowline('reload', '-s', service.socket)
    expect(code).to.not.equal(0)
    expect(stderr).to.contain('exports no module')
    expect(await greeting()).to.deep.equal(['"changed"'])
  })
})
