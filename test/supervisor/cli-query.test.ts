/** `bowline query`, through real processes: a whole internet on loopback addresses is resolved from its root. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Lab, startLab } from '../lab/lab.ts'
import { bowline } from './command.ts'

const LAB_START_MS = 30_000

describe('bowline query', () => {
  it('answers special names by itself (RFC 6761 §6.3)', async () => {
    const { code, stdout, stderr } = await bowline('query', 'localhost')
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    expect(stdout).to.match(/^localhost\.\t\d+\tIN\tA\t127\.0\.0\.1$/m)
    expect(stdout).to.match(/^;; SOURCE: local, /m)
  })

  it('refuses a configuration with a mistake before anything else', async () => {
    const { code, stdout, stderr } = await bowline('query', 'localhost', '-c', '/nowhere/bowline.yaml')
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' })
    expect(stderr).to.match(/^\/nowhere\/bowline\.yaml: found no such file; /)
  })

  describe('in the lab', () => {
    let lab: Lab
    let folder: string
    const query = (...parameters: string[]) => bowline('query', '-c', join(folder, 'lab.yaml'), ...parameters)

    before(async function () {
      this.timeout(LAB_START_MS)
      lab = await startLab({ only: ['cases'], engine: 'typescript', quiet: true })
      if (lab.port !== 53) {
        console.log('      skipped: needs port 53 of loopback addresses for the servers of the lab')
        await lab.stop()
        this.skip()
      }
      folder = mkdtempSync(join(tmpdir(), 'bowline-query-'))
      const config = {
        options: { 'root-hints-file': lab.rootHintsFile, 'query-loopback': true },
        dnssec: { enable: false },
      }
      writeFileSync(join(folder, 'lab.yaml'), JSON.stringify(config))
    })
    after(async () => {
      if (folder === undefined) return
      rmSync(folder, { recursive: true })
      await lab.stop()
    })

    it('resolves a name from the root down', async () => {
      const { code, stdout, stderr } = await query('two.chains.com')
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      const records = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'))
      expect(records.map((line) => line.split('\t').filter((_, column) => column !== 1))).to.deep.equal([
        ['two.chains.com.', 'IN', 'CNAME', 'three.chains.com.'],
        ['three.chains.com.', 'IN', 'CNAME', 'www.chains.com.'],
        ['www.chains.com.', 'IN', 'A', '198.18.0.1'],
      ])
      expect(stdout).to.match(
        /^;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: \d+\n;; flags: qr rd ra; QUERY: 1, ANSWER: 3,/,
      )
      expect(stdout).to.match(/^;; SOURCE: recursion, /m)
    })

    it('shows each step with --trace', async () => {
      const { code, stdout } = await query('across.chains.com', 'AAAA', '--trace')
      expect(code).to.equal(0)
      const steps = stdout.split('\n\n')[0].toLowerCase()
      expect(steps).to.match(/^;; cut {6}\. for across\.chains\.com\., \d+ server addresses$/m)
      expect(steps).to.match(/^;; ask {6}127\.[\d.]+@53 udp com\. a \(cut \., name shortened\)$/m)
      expect(steps).to.match(/^;; reply {4}127\.[\d.]+@53 udp noerror in [\d.]+ ms: referral to com\.$/m)
      expect(steps).to.match(/^;; follow {3}middle\.chains\.net\.$/m)
      expect(steps.split('\n').at(-1)).to.equal(';; answer   noerror for across.chains.com. aaaa')
    })

    it('gives answer and trace as JSON', async () => {
      const { code, stdout } = await query('www.chains.com', '--trace', '--json')
      expect(code).to.equal(0)
      const document = JSON.parse(stdout)
      expect(document).to.include({ status: 'NOERROR', source: 'recursion' })
      expect(document.question).to.deep.equal({ name: 'www.chains.com.', class: 'IN', type: 'A' })
      expect(document.answer[0]).to.include({ name: 'www.chains.com.', type: 'A', data: '198.18.0.1' })
      const referral = document.trace.find((step: { finding?: string }) =>
        /^referral to com\.$/i.test(step.finding ?? ''),
      )
      expect(referral).to.include({
        kind: 'arrival',
        depth: 0,
        zoneCut: '.',
        protocol: 'udp',
        rcode: 'NOERROR',
        minimised: true,
      })
      expect(referral.rttMs).to.be.a('number')
      expect(document.trace.at(-1)).to.include({ kind: 'answer', rcode: 'NOERROR', name: 'www.chains.com.' })
    })

    it('asks for signatures with --dnssec and passes --cd on', async () => {
      const { stdout } = await query('www.chains.com', '--dnssec', '--cd')
      expect(stdout).to.match(/^;; flags: qr rd ra cd; /m)
      expect(stdout).to.match(/^; EDNS: version: 0, flags: do; udp: 1232$/m)
    })

    it('takes NXDOMAIN for an answer: 0', async () => {
      const { code, stdout } = await query('nothing-here.chains.com')
      expect(code).to.equal(0)
      expect(stdout).to.include('status: NXDOMAIN')
      expect(stdout).to.match(/^;; AUTHORITY SECTION:\nchains\.com\.\t\d+\tIN\tSOA\t/im)
    })

    it('ends with 1 when the name cannot be resolved, and shows why (RFC 8914)', async () => {
      const { code, stdout } = await query('self.loops.com')
      expect(code).to.equal(1)
      expect(stdout).to.include('status: SERVFAIL')
      expect(stdout).to.match(/^; EDE: \d+ \(.+\): \(.+\)$/m)
    })
  })
})
