/** One run of dnsperf on its core, and what it found. */

import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { quantile } from './numbers.ts'
import { LOAD_CORE, pinned } from './processes.ts'

export interface Load {
  port: number
  /** A file of questions, one `qname qtype` a line. */
  questions: string
  protocol?: 'udp' | 'tcp'
  /** Ends after so many seconds, a whole number. */
  seconds: number
  /** Once through the file at most; without it over and over. */
  once?: boolean
  /** No more than so many queries a second. */
  rate?: number
  /** Where the latency of each query is written; makes dnsperf slower, so with `rate` only. */
  latencyFile?: string
  signal?: AbortSignal
}

export interface LoadResult {
  sent: number
  completed: number
  lost: number
  /** Of the run, sending begun to last answer. */
  seconds: number
  meanMs: number
  /** Counts by RCODE. */
  rcodes: Record<string, number>
}

export interface Latencies {
  meanMs: number
  p50Ms: number
  p99Ms: number
  p999Ms: number
  maxMs: number
  count: number
}

/** Sockets the load comes from: the kernel spreads them over the workers of a target. */
const CLIENTS = 32
/** Queries that wait for an answer at one time. A socket's buffer of Linux's default size holds about twice as many. */
const OUTSTANDING = 100
/** After so many seconds a query is lost. */
const TIMEOUT_S = 2

export async function runLoad(load: Load): Promise<LoadResult> {
  const output = load.latencyFile === undefined ? undefined : await open(load.latencyFile, 'w')
  try {
    const text = await run(load, output?.fd)
    return parseSummary(output === undefined ? text : await summaryOf(load.latencyFile!))
  } finally {
    await output?.close()
  }
}

function run(load: Load, fd: number | undefined): Promise<string> {
  const { port, questions, protocol = 'udp', seconds, once, rate, signal } = load
  const parameters = ['-s', '127.0.0.1', '-p', String(port), '-d', questions, '-m', protocol, '-T', '1']
  parameters.push('-c', String(CLIENTS), '-q', String(OUTSTANDING), '-t', String(TIMEOUT_S), '-l', String(seconds))
  if (once) parameters.push('-n', '1')
  if (rate !== undefined) parameters.push('-Q', String(rate))
  if (fd !== undefined) parameters.push('-v')
  const [command, all] = pinned(LOAD_CORE, 'dnsperf', parameters)
  return new Promise((resolve, reject) => {
    const child = spawn(command, all, { stdio: ['ignore', fd ?? 'pipe', 'pipe'], signal })
    let said = ''
    let complained = ''
    child.stdout?.on('data', (text) => (said += text))
    child.stderr!.on('data', (text) => (complained = (complained + text).slice(-2000)))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(said)
      else reject(new Error(`dnsperf ended with ${code}: ${complained}`))
    })
  })
}

/** The numbers in what dnsperf prints at the end. */
export function parseSummary(text: string): LoadResult {
  const number = (pattern: RegExp) => {
    const found = pattern.exec(text)?.[1]
    if (found === undefined) throw new Error(`dnsperf said something unexpected: ${text.slice(-2000)}`)
    return Number(found)
  }
  const completed = number(/Queries completed:\s+(\d+)/)
  const rcodes: Record<string, number> = {}
  const codes = /Response codes:\s+(.*)/.exec(text)?.[1] ?? ''
  for (const [, code, count] of codes.matchAll(/(\w+) (\d+) \(/g)) rcodes[code] = Number(count)
  return {
    sent: number(/Queries sent:\s+(\d+)/),
    completed,
    lost: number(/Queries lost:\s+(\d+)/),
    seconds: number(/Run time \(s\):\s+([\d.]+)/),
    meanMs: completed === 0 ? Number.NaN : 1000 * number(/Average Latency \(s\):\s+([\d.]+)/),
    rcodes,
  }
}

/** Reads what a run with `latencyFile` left: lines like `> NOERROR www.example.org A 0.000123`. */
export async function readLatencies(path: string): Promise<Latencies> {
  const found: number[] = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (!line.startsWith('> ')) continue
    const seconds = Number(line.slice(line.lastIndexOf(' ') + 1))
    if (!Number.isNaN(seconds)) found.push(seconds * 1000)
  }
  const sorted = Float64Array.from(found).sort()
  return {
    meanMs: found.reduce((sum, ms) => sum + ms, 0) / found.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    p999Ms: quantile(sorted, 0.999),
    maxMs: sorted.at(-1) ?? Number.NaN,
    count: sorted.length,
  }
}

/** The end of a long output. */
async function summaryOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const octets = Math.min(size, 4096)
    const { buffer } = await file.read(Buffer.alloc(octets), 0, octets, size - octets)
    return buffer.toString()
  } finally {
    await file.close()
  }
}
