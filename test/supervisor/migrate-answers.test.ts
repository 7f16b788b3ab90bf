/** Does Bowline with a migrated configuration answer as Unbound does with the one it was made of? Names that both answer by
 *  themselves, asked of the two programs. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ConfigInput } from '../../src/config/schema.ts'
import { migrated, samplePath } from '../config/migrate/migrated.ts'
import { findPeer, needPeer } from '../peers.ts'
import { freePort, pause } from '../workers/sockets.ts'
import { runToEnd } from './command.ts'
import { Service } from './service.ts'

const QUESTIONS = [
  'printer.corp.example.org A',
  'printer.corp.example.org AAAA',
  'PRINTER.corp.example.org A',
  'none.corp.example.org A',
  'corp.example.org A',
  'lab.corp.example.org A',
  'web.lab.corp.example.org AAAA',
  'none.lab.corp.example.org AAAA',
  'note.corp.example.org TXT',
  '9.2.0.192.in-addr.arpa PTR',
  'shop.example.net A',
  'a.b.shop.example.net A',
  'shop.example.net AAAA',
  'gone.example.net A',
  'a.gone.example.net AAAA',
  'a.gone.example.net TXT',
  'denied.example.net A',
  'shop.denied.example.net A',
  'a.bare.example.net A',
  'refused.example.net A',
  'fine.refused.example.net AAAA',
  'alone.example.com MX',
  'alone.example.com A',
  'host.away.example.net A',
  '-b 127.0.0.2 printer.corp.example.org A',
]

/** Status and answers, as dig shows them. */
async function answerOf(question: string, port: number): Promise<string> {
  const parameters = ['@127.0.0.1', '-p', String(port), '+tries=2', '+time=5', '+noall', '+comments', '+answer']
  const { stdout } = await runToEnd('dig', [...parameters, ...question.split(' ')])
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? 'none'
  const records = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'))
  return [status, ...records.map((line) => line.replace(/\s+/g, ' ')).sort()].join('\n')
}

describe('answers after bowline config migrate', () => {
  let service: Service | undefined
  let unbound: ChildProcess | undefined

  after(async () => {
    unbound?.kill('SIGKILL')
    await service?.clean()
  })

  it('are those that Unbound gave', async function () {
    needPeer(this, 'unbound', 'dig')
    const text = readFileSync(samplePath('names.conf'), 'utf8')
    const [unboundPort, port] = [await freePort(), await freePort()]
    const { config } = migrated(text.replace('PORT', String(port)))
    const { network, options, ...settings } = config as ConfigInput
    const quiet = { ...settings, options: { ...options, priming: false } }
    service = new Service({ port, real: true, workers: 1, settings: { ...quiet, network, dnssec: { enable: false } } })
    await service.says('started')
    const file = join(service.rundir, 'unbound.conf')
    writeFileSync(file, text.replace('PORT', String(unboundPort)))
    unbound = spawn(findPeer('unbound') as string, ['-d', '-c', file], { stdio: 'ignore' })
    for (let tries = 0; (await answerOf(QUESTIONS[0], unboundPort)) === 'none' && tries < 100; tries++) await pause(50)
    for (const question of QUESTIONS)
      expect(await answerOf(question, port), question).to.equal(await answerOf(question, unboundPort))
  })
})
