/** A worker process and its trust anchors: they change while it runs, and what fails validation is counted. */

import type { ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { composeAnchorState } from '../../src/anchors/state-text.ts'
import { makeConfig } from '../../src/config/load.ts'
import { parseReply } from '../../src/wire/message.ts'
import { Rcode } from '../../src/wire/types.ts'
import { startProcess } from '../../supervisor/processes.ts'
import type { FromChild, ToWorker } from '../../workers/messages.ts'
import { machine } from '../config/machine.ts'
import { composeScript, readScript } from '../scenarios/message.ts'
import { TEST_EPOCH_MS } from '../support/clock.ts'
import { SignedZone } from '../support/signed-zone.ts'
import { queryFor } from './fake-resolver.ts'
import { eventually, freePort, UdpClient } from './sockets.ts'

const WORKER = fileURLToPath(new URL('../../workers/worker.ts', import.meta.url))

describe('a worker and its trust anchors', () => {
  const shift = Math.floor(Date.now() / 1000) - TEST_EPOCH_MS / 1000
  const root = new SignedZone('.', 'one A 192.0.2.1\ntwo A 192.0.2.2', {
    alter: (draft) => ({ ...draft, inception: draft.inception + shift, expiration: draft.expiration + shift }),
  })
  const stranger = new SignedZone('.', '', { flags: 256 })
  const server = createSocket('udp4')
  const heard: FromChild[] = []
  let folder: string
  let worker: ChildProcess
  let port: number

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-worker-'))
    mkdirSync(join(folder, 'cache'))
    server.on('message', (packet, from) =>
      server.send(composeScript(root.answer(readScript(packet))), from.port, from.address),
    )
    await new Promise<void>((bound) => server.bind(0, '127.0.0.1', bound))
    writeFileSync(join(folder, 'root.hints'), '. 3600 NS ns.invalid.\nns.invalid. 3600 A 127.0.0.1\n')
    trust(stranger)
    port = await freePort()
    const input = {
      cache: { storage: join(folder, 'cache') },
      network: { listen: [{ interface: [`127.0.0.1@${port}`] }] },
      options: {
        'root-hints-file': join(folder, 'root.hints'),
        'query-loopback': true,
        'upstream-port': (server.address() as AddressInfo).port,
        priming: false,
        minimize: false,
      },
      logging: { level: 'err' as const },
    }
    const config = makeConfig(input, { ...machine, folder })
    worker = startProcess(WORKER, [], 'stderr')
    worker.on('message', (message) => void heard.push(message as FromChild))
    tell({ kind: 'start', config, index: 1, socketPath: join(folder, 'keeper.sock'), alone: false, urgent: true })
    await eventually(() => heard.some(({ kind }) => kind === 'ready'), 'a worker that is ready')
  })
  after(async () => {
    server.close()
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    tell({ kind: 'stop', timeoutMs: 0 })
    await gone
    rmSync(folder, { recursive: true })
  })

  function trust(zone: SignedZone): void {
    writeFileSync(join(folder, 'cache', 'root.keys'), composeAnchorState({ ...zone.anchor(), keys: [] }))
  }

  function tell(message: ToWorker): void {
    worker.send(message)
  }

  async function rcodeOf(name: string): Promise<number> {
    const client = new UdpClient()
    try {
      return parseReply((await client.ask(queryFor(name, 7), port)).message).rcode
    } finally {
      client.close()
    }
  }

  it('believes nothing that they do not vouch for, and counts it', async () => {
    expect(await rcodeOf('one')).to.equal(Rcode.SERVFAIL)
    tell({ kind: 'ask-frequent', id: 5, table: 'bogus' })
    await eventually(() => heard.some(({ kind }) => kind === 'frequent'), 'the table')
    expect(heard.find(({ kind }) => kind === 'frequent')).to.deep.equal({
      kind: 'frequent',
      id: 5,
      entries: [{ key: 'one. A', count: 1, error: 0 }],
    })
  })

  it('goes by new ones when it is told that they have changed', async () => {
    trust(root)
    tell({ kind: 'anchors-changed' })
    tell({ kind: 'ask-frequent', id: 6, table: 'bogus' }) // orders are followed one after the other
    await eventually(() => heard.some((said) => said.kind === 'frequent' && said.id === 6), 'the order being followed')
    expect(await rcodeOf('two')).to.equal(Rcode.NOERROR)
  })
})
