/** A server under test with all its processes: on which core it runs, what it has cost so far, and its end. Linux only:
 *  taskset and /proc. */

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { Child } from '../lab/child.ts'
import { findPeer } from '../peers.ts'

const execute = promisify(execFile)

/** The target has a core of its own; all else shares the other: load generator, authoritative servers, this program. */
export const TARGET_CORE = 0
export const LOAD_CORE = 1

/** Clock ticks a second in /proc/PID/stat: USER_HZ, which is 100 on every architecture Linux has left. */
const TICKS = 100
/** What processes may take to follow their parent. */
const FOLLOW_MS = 6000

export interface ProcessUsage {
  pid: number
  /** `worker`, `keeper`, `supervisor`, or the program's name. */
  role: string
  /** CPU time since it began, threads and ended children included. */
  userUs: number
  systemUs: number
  rssKb: number
  /** Memory with shared pages divided among those that share them. */
  pssKb: number
  /** Memory that belongs to this process alone: heap, stacks, buffers, compiled functions. Neither the mapped cache nor the
   *  program's own file. */
  anonymousKb: number
}

export class Daemon {
  readonly name: string
  private readonly child: Child

  /** Starts `command` and all that follows from it on one core. */
  constructor(name: string, core: number, command: string, parameters: string[], env?: NodeJS.ProcessEnv) {
    this.name = name
    const program = findPeer(command) ?? command
    this.child = new Child('taskset', ['-c', String(core), program, ...parameters], env)
  }

  /** Resolves once it answers for `origin`. Rejects with what it said. */
  async untilAnswering(address: string, origin: string, options: { port: number; recursion?: boolean }): Promise<void> {
    try {
      await this.child.untilAnswering(address, origin, options)
    } catch (failure) {
      throw new Error(`${this.name}: ${(failure as Error).message}`)
    }
  }

  /** Process ids: the first is the one that was started. */
  get pids(): number[] {
    const { pid } = this.child
    return pid === undefined ? [] : withDescendants(pid)
  }

  usage(): ProcessUsage[] {
    return this.pids.flatMap((pid) => usageOf(pid) ?? [])
  }

  /** Ends it, and whoever of its processes does not follow by itself. */
  async stop(): Promise<void> {
    const followers = this.pids.map((pid) => ({ pid, started: startOf(pid) }))
    await this.child.stop()
    const deadline = performance.now() + FOLLOW_MS
    const left = () => followers.filter(({ pid, started }) => started !== undefined && startOf(pid) === started)
    while (left().length > 0 && performance.now() < deadline) await pause(20)
    for (const { pid } of left()) process.kill(pid, 'SIGKILL')
  }
}

/** Moves this very process, its threads and its later children to a core. */
export async function pinSelf(core: number): Promise<void> {
  await execute(findPeer('taskset')!, ['-a', '-p', '-c', String(core), String(process.pid)])
}

/** What to call for `command` to run on a core. */
export function pinned(core: number, command: string, parameters: string[]): [string, string[]] {
  return [findPeer('taskset') ?? 'taskset', ['-c', String(core), findPeer(command) ?? command, ...parameters]]
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function withDescendants(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const parent = Number.isInteger(pid) ? statOf(pid)?.parent : undefined
    if (parent === undefined) continue
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [pid])
    else siblings.push(pid)
  }
  const found = [root]
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i]) ?? []))
  return found
}

function usageOf(pid: number): ProcessUsage | undefined {
  const stat = statOf(pid)
  if (stat === undefined) return undefined
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)
  const pssKb = Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
  const anonymousKb = Number(/^RssAnon:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)
  return { pid, role: roleOf(pid, stat.name), userUs: stat.userUs, systemUs: stat.systemUs, rssKb, pssKb, anonymousKb }
}

function roleOf(pid: number, name: string): string {
  const script = read(`/proc/${pid}/cmdline`)
    .split('\0')
    .find((part) => /\.[jt]s$/.test(part))
  if (script === undefined) return name
  const file = basename(script).replace(/\.[jt]s$/, '')
  return file === 'bowline' || file === 'launch' ? 'supervisor' : file
}

/** When a process began, in ticks since boot: with its id, who it is. Undefined when it is gone or only waited for. */
function startOf(pid: number): number | undefined {
  const stat = statOf(pid)
  return stat === undefined || stat.state === 'Z' ? undefined : stat.started
}

/** proc_pid_stat(5). The name in parentheses may itself hold some. */
function statOf(pid: number) {
  const text = read(`/proc/${pid}/stat`)
  const end = text.lastIndexOf(')')
  if (end < 0) return undefined
  const fields = text.slice(end + 2).split(' ')
  const ticks = (field: number) => (Number(fields[field - 3]) / TICKS) * 1e6
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    state: fields[0],
    parent: Number(fields[1]),
    userUs: ticks(14) + ticks(16),
    systemUs: ticks(15) + ticks(17),
    started: Number(fields[22 - 3]),
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // the process has ended
  }
}
