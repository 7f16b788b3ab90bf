/** What Prometheus itself makes of it: promtool judges the page and the alerts, and a real one scrapes a real service. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { needPeer } from '../../peers.ts'
import { queryFor } from '../../workers/fake-resolver.ts'
import { freePort, pause, UdpClient } from '../../workers/sockets.ts'
import { runToEnd } from '../command.ts'
import { Service } from '../service.ts'

const deployed = (path: string) => fileURLToPath(new URL(`../../../deploy/prometheus/${path}`, import.meta.url))

describe('Prometheus', function () {
  this.timeout(60_000)
  let folder: string
  let service: Service | undefined
  let prometheus: ChildProcess | undefined

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-prometheus-'))
  })
  afterEach(async () => {
    if (prometheus !== undefined && prometheus.exitCode === null) {
      const ended = new Promise((resolve) => prometheus?.once('exit', resolve))
      prometheus.kill('SIGTERM')
      await ended
    }
    prometheus = undefined
    await service?.clean()
    service = undefined
    rmSync(folder, { recursive: true, force: true })
  })

  async function startService(): Promise<{ metricsPort: number }> {
    const [port, metricsPort] = [await freePort(), await freePort()]
    service = new Service({
      port,
      real: true,
      settings: {
        monitoring: { interface: `127.0.0.1@${metricsPort}` },
        'local-data': { records: 'now.example. A 192.0.2.1' },
      },
    })
    await service.says('started')
    for (let i = 0; i < 25; i++) {
      const client = new UdpClient()
      await client.ask(queryFor('now.example'), port)
      client.close()
    }
    return { metricsPort }
  }

  it('finds nothing wrong with the page (promtool check metrics)', async function () {
    needPeer(this, 'promtool')
    const { metricsPort } = await startService()
    const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const file = join(folder, 'page')
    writeFileSync(file, page)
    const { code, stdout, stderr } = await runToEnd('sh', ['-c', 'exec promtool check metrics <"$0"', file])
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: '', stderr: '' })
  })

  it('takes the alerts and the configuration that are shipped (promtool check)', async function () {
    needPeer(this, 'promtool')
    for (const words of [
      ['check', 'rules', deployed('bowline.rules.yml')],
      ['check', 'config', deployed('prometheus.yml')],
    ]) {
      const { code, stdout, stderr } = await runToEnd('promtool', words)
      expect(code, stdout + stderr).to.equal(0)
    }
  })

  it('scrapes a service, and knows its figures', async function () {
    needPeer(this, 'prometheus')
    const { metricsPort } = await startService()
    const port = await freePort()
    const config = join(folder, 'prometheus.yml')
    const scrape = { job_name: 'bowline', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] }
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [deployed('bowline.rules.yml')],
        scrape_configs: [scrape],
      }),
    )
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    )
    const query = async (expression: string): Promise<number | undefined> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
      try {
        const { data } = (await (await fetch(url)).json()) as { data: { result: { value: [number, string] }[] } }
        return data.result.length === 0 ? undefined : Number(data.result[0].value[1])
      } catch {
        return undefined // it is not there yet
      }
    }
    for (let tries = 0; tries < 150 && (await query('sum(bowline_queries_total)')) !== 25; tries++) await pause(200)
    expect(await query('sum(bowline_queries_total)')).to.equal(25)
    expect(await query('up{job="bowline"}')).to.equal(1)
    expect(await query('sum(resolver_answer_total)')).to.equal(25)
    expect(await query('count(bowline_worker_up == 1)')).to.equal(2)
    expect(await query('sum(bowline_request_duration_seconds_count)')).to.equal(25)
  })
})
