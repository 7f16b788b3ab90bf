/** What a service manager is told, and what remains of root's rights. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import koffi from 'koffi'
import { AF_UNIX, type Libc, loadLibc, MSG_DONTWAIT, SOCK_DGRAM } from '../../src/io/libc.ts'
import { askService } from '../../supervisor/control/client.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, UdpClient } from '../workers/sockets.ts'
import { Service } from './service.ts'

const libc = loadLibc()

/** The socket of a service manager: Node itself knows no datagrams of this family. */
class NotifySocket {
  readonly path: string
  readonly lines: string[] = []
  readonly #libc: Libc
  readonly #fd: number
  readonly #timer: NodeJS.Timeout

  constructor(libc: Libc, path: string) {
    this.#libc = libc
    this.path = path
    const name = Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(path)])
    this.#fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0)
    if (libc.bind(this.#fd, name, name.length) !== 0) throw new Error('bind')
    const recv = koffi.load(null as unknown as string).func('long recv(int, void *, unsigned long, int)')
    this.#timer = setInterval(() => {
      const buffer = Buffer.alloc(4096)
      for (
        let got = recv(this.#fd, buffer, 4096, MSG_DONTWAIT);
        got > 0;
        got = recv(this.#fd, buffer, 4096, MSG_DONTWAIT)
      )
        this.lines.push(...buffer.toString('utf8', 0, Number(got)).split('\n'))
    }, 10)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#libc.close(this.#fd)
  }
}

describe('under a service manager (sd_notify(3))', () => {
  it('tells when it is ready, reloads, lives and stops, and who the main process is', async function () {
    if (typeof libc === 'string') this.skip()
    const folder = mkdtempSync(join(tmpdir(), 'bowline-notify-'))
    const manager = new NotifySocket(libc, join(folder, 'notify'))
    const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '300000' }
    const service = new Service({ port: await freePort(), workers: 1, withFile: true, env })
    try {
      await service.says('started')
      await eventually(() => manager.lines.includes('READY=1'), 'READY')
      expect(manager.lines).to.include(`MAINPID=${service.process.pid}`)
      await eventually(() => manager.lines.filter((line) => line === 'WATCHDOG=1').length >= 3, 'WATCHDOG')
      manager.lines.length = 0
      service.process.kill('SIGHUP')
      await eventually(() => manager.lines.includes('READY=1'), 'READY after RELOADING')
      expect(manager.lines.indexOf('RELOADING=1')).to.be.within(0, manager.lines.indexOf('READY=1'))
      expect(manager.lines.some((line) => /^MONOTONIC_USEC=\d+$/.test(line))).to.equal(true)
      const { body } = await askService(service.socket, { method: 'POST', path: '/v1/upgrade', body: {} })
      const { pid } = body as { pid: number }
      await eventually(() => manager.lines.filter((line) => line === `MAINPID=${pid}`).length === 2, 'MAINPID')
      expect(manager.lines.includes('STOPPING=1')).to.equal(false)
      process.kill(pid, 'SIGTERM')
      await eventually(() => manager.lines.includes('STOPPING=1'), 'STOPPING')
      await service.ends()
    } finally {
      await service.clean()
      manager.close()
      rmSync(folder, { recursive: true })
    }
  })
})

describe('user', () => {
  it('is who all processes are, with the right to use low ports and no other', async function () {
    if (process.getuid?.() !== 0 || typeof libc === 'string') this.skip()
    const port = 1 + (process.pid % 500) + 500 // under 1024
    const service = new Service({ port, workers: 1, settings: { user: 'nobody' } })
    try {
      await service.says('started')
      await askService(service.socket, { method: 'POST', path: '/v1/scale', body: { workers: 2 } })
      for (const pid of [service.process.pid!, ...service.pidsOf('')]) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        const [, uids] = /^Uid:\s+(.*)$/m.exec(status)!
        expect(new Set(uids.split('\t')).size, uids).to.equal(1)
        expect(uids.startsWith('0\t')).to.equal(false)
        expect(/^CapEff:\s+(\w+)$/m.exec(status)?.[1]).to.equal('0000000000000400') // CAP_NET_BIND_SERVICE
      }
      const client = new UdpClient()
      await client.ask(queryFor('now.example'), port)
      client.close()
    } finally {
      await service.clean()
    }
  })
})
