/** How long does a scrape of a service with many workers take, and what does it cost them? `npm run bench:scrape -- 16`.
 *
 *  The workers are real, and each has queries of every kind counted, so that the page is as long as it gets. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Service } from '../supervisor/service.ts'
import { queryFor } from '../workers/fake-resolver.ts'
import { freePort, pause, UdpClient } from '../workers/sockets.ts'

const workers = Number(process.argv[2] ?? 16)
const SCRAPES = 50
const TICKS_PER_SECOND = 100

const [port, metricsPort] = [await freePort(), await freePort()]
const rundir = mkdtempSync(join(tmpdir(), 'bowline-scrape-'))
const service = new Service({
  port,
  rundir,
  workers,
  real: true,
  settings: {
    logging: { level: 'notice' },
    monitoring: { interface: `127.0.0.1@${metricsPort}` },
    'local-data': { records: 'now.example. A 192.0.2.1' },
  },
})
try {
  await service.says('started', 120_000)
  for (let i = 0; i < 40 * workers; i++) {
    const client = new UdpClient()
    await client.ask(queryFor('now.example'), port)
    client.close()
  }
  await pause(3000) // the spare worker is made meanwhile
  const pids = await workerPids()
  const before = { supervisor: cpuMs(service.process.pid!), workers: cpuOf(pids), atMs: performance.now() }
  const tookMs: number[] = []
  let octets = 0
  for (let i = 0; i < SCRAPES; i++) {
    const startMs = performance.now()
    const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    tookMs.push(performance.now() - startMs)
    octets = page.length
    await pause(50)
  }
  const elapsedMs = performance.now() - before.atMs
  const busy = { supervisor: cpuMs(service.process.pid!) - before.supervisor, workers: cpuOf(pids) - before.workers }
  await pause(elapsedMs) // as long without scrapes
  const idle = {
    supervisor: cpuMs(service.process.pid!) - before.supervisor - busy.supervisor,
    workers: cpuOf(pids) - before.workers - busy.workers,
  }
  tookMs.sort((a, b) => a - b)
  const show = (ms: number) => `${ms.toFixed(1)} ms`
  console.log(`${workers} workers, ${SCRAPES} scrapes of ${octets} octets`)
  console.log(`  time: median ${show(tookMs[SCRAPES >> 1])}, longest ${show(tookMs[SCRAPES - 1])}`)
  console.log(`  CPU time of the supervisor: ${show((busy.supervisor - idle.supervisor) / SCRAPES)} a scrape`)
  console.log(`  CPU time of one worker: ${show((busy.workers - idle.workers) / SCRAPES / workers)} a scrape`)
  console.log(`  CPU share of the supervisor without scrapes: ${((100 * idle.supervisor) / elapsedMs).toFixed(1)} %`)
} finally {
  await service.clean()
  rmSync(rundir, { recursive: true, force: true })
}

async function workerPids(): Promise<number[]> {
  const page = readFileSync(`/proc/${service.process.pid}/task/${service.process.pid}/children`, 'utf8')
  return page.trim().split(/\s+/).map(Number)
}

/** User and system time, of proc(5). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
}
