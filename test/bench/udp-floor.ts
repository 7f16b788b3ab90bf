/** `node test/bench/udp-floor.ts [ROUNDS]`: what the kernel, and the way to it, cost per query: a constant answer from C,
 *  from our sockets by libc and from those by dgram, under the same load in turns. Server on one core, dnsperf on another,
 *  CPU time from the process accounts, medians. What a resolver costs beyond this is its own doing. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../lab/child.ts'
import { findPeer } from '../peers.ts'
import { runLoad } from './dnsperf.ts'
import { median } from './numbers.ts'
import { Daemon, LOAD_CORE, pinSelf, TARGET_CORE } from './processes.ts'

const SECONDS = 2
/** Far below what any of them can do: here the cost is that of waking up. */
const CALM_RATE = 20_000

const rounds = Number(process.argv[2] ?? 3)
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

interface Target {
  name: string
  command: (port: number, folder: string) => Promise<string[]>
}

const ours = (kind: string, address: string) => async (port: number) => [
  process.execPath,
  here('udp-floor-server.ts'),
  kind,
  address,
  String(port),
]
const targets: Target[] = [
  { name: 'C', command: compileFloor },
  { name: 'libc, 127.0.0.1', command: ours('libc', '127.0.0.1') },
  { name: 'libc, 0.0.0.0', command: ours('libc', '0.0.0.0') },
  { name: 'dgram, 127.0.0.1', command: ours('dgram', '127.0.0.1') },
].filter(({ name }) => name !== 'C' || findPeer('cc') !== undefined)

interface Numbers {
  name: string
  cpuUs: number[]
  userUs: number[]
  rate: number[]
  calmUs: number[]
}

async function compileFloor(port: number, folder: string): Promise<string[]> {
  const program = join(folder, 'floor')
  await promisify(execFile)(findPeer('cc')!, ['-O2', '-o', program, here('floor.c')])
  return [program, String(port)]
}

async function measure(target: Target, numbers: Numbers, folder: string, questions: string): Promise<void> {
  const port = await freePort()
  const [program, ...parameters] = await target.command(port, folder)
  const daemon = new Daemon(target.name, TARGET_CORE, program, parameters)
  try {
    await daemon.untilAnswering('127.0.0.1', '.', { port, recursion: true })
    await runLoad({ port, questions, seconds: 1 }) // until the hot functions are compiled
    const spent = () =>
      daemon
        .usage()
        .reduce((sum, { userUs, systemUs }) => ({ user: sum.user + userUs, all: sum.all + userUs + systemUs }), {
          user: 0,
          all: 0,
        })
    const before = spent()
    const { completed, seconds } = await runLoad({ port, questions, seconds: SECONDS })
    const after = spent()
    const calm = await runLoad({ port, questions, seconds: SECONDS, rate: CALM_RATE })
    numbers.cpuUs.push((after.all - before.all) / completed)
    numbers.userUs.push((after.user - before.user) / completed)
    numbers.rate.push(completed / seconds)
    numbers.calmUs.push((spent().all - after.all) / calm.completed)
  } finally {
    await daemon.stop()
  }
}

await pinSelf(LOAD_CORE)
const folder = await mkdtemp(join(tmpdir(), 'bowline-udp-floor-'))
try {
  const questions = join(folder, 'questions')
  await writeFile(questions, 'www.example.org A\n')
  const table = targets.map(({ name }): Numbers => ({ name, cpuUs: [], userUs: [], rate: [], calmUs: [] }))
  for (let round = 0; round < rounds; round++)
    for (const [i, target] of targets.entries()) await measure(target, table[i], folder, questions)

  console.log('| constant answer  | CPU µs/query | of it user | queries/s | µs/query at 20,000/s |')
  console.log('| ---------------- | ------------ | ---------- | --------- | -------------------- |')
  for (const { name, cpuUs, userUs, rate, calmUs } of table) {
    const cells = [median(cpuUs).toFixed(2).padStart(12), median(userUs).toFixed(2).padStart(10)]
    cells.push(median(rate).toFixed(0).padStart(9), median(calmUs).toFixed(1).padStart(20))
    console.log(`| ${name.padEnd(16)} | ${cells.join(' | ')} |`)
  }
} finally {
  await rm(folder, { recursive: true })
}
