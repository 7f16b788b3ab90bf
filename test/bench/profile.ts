/** Where does the time go? Reads the .cpuprofile files Node writes and lists the functions by their own time. By itself:
 *
 *     node test/bench/profile.ts FILE-OR-FOLDER …  */

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TOP = 25
/** Processes that worked less than this share of the busiest one's time are left out. */
const MENTIONED = 0.05
const projectFolder = fileURLToPath(new URL('../..', import.meta.url))

interface CallFrame {
  functionName: string
  url: string
  lineNumber: number
}

/** The V8 inspector's Profiler.Profile, as far as needed. */
interface Profile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

interface Place {
  /** `function file:line`. */
  where: string
  /** Microseconds in it and in what it calls; a function that calls itself counts once. */
  selfUs: number
  totalUs: number
}

/** Waiting costs nothing. */
const NOT_WORK = new Set(['(idle)', '(root)'])

export function placesOf(profile: Profile): Place[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const selfUs = new Map<number, number>()
  for (const [i, id] of profile.samples.entries()) selfUs.set(id, (selfUs.get(id) ?? 0) + profile.timeDeltas[i])
  const places = new Map<string, Place>()
  const visit = (id: number, above: ReadonlySet<string>): number => {
    const node = nodes.get(id)!
    const where = placeText(node.callFrame)
    const own = selfUs.get(id) ?? 0
    const inside = above.has(where) ? above : new Set([...above, where])
    let total = own
    for (const child of node.children ?? []) total += visit(child, inside)
    let place = places.get(where)
    if (place === undefined) places.set(where, (place = { where, selfUs: 0, totalUs: 0 }))
    place.selfUs += own
    if (!above.has(where)) place.totalUs += total
    return total
  }
  visit(profile.nodes[0].id, new Set())
  return [...places.values()].filter(({ where }) => !NOT_WORK.has(where)).sort((a, b) => b.selfUs - a.selfUs)
}

function placeText({ functionName, url, lineNumber }: CallFrame): string {
  if (url === '') return functionName || '(anonymous)' // native code and the collector have no file
  const path = url.replace(/^file:\/\//, '')
  const file = path.startsWith(projectFolder) ? path.slice(projectFolder.length) : path.replace(/^.*node_modules\//, '')
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}

/** A table of the functions with the most time of their own, in percent of the time the process was at work. */
export function topTable(places: Place[]): string {
  const allUs = places.reduce((sum, { selfUs }) => sum + selfUs, 0)
  const percent = (us: number) => ((100 * us) / allUs).toFixed(1).padStart(5)
  const lines = places
    .slice(0, TOP)
    .map(({ where, selfUs, totalUs }) => `${percent(selfUs)}  ${percent(totalUs)}  ${where}`)
  return [' self  total  (% of the time at work)', ...lines].join('\n')
}

/** Tables of the profiles in a folder, the process that worked most first. */
export async function gatherProfiles(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'))
  const read = await Promise.all(
    files.map(async (name) => {
      const places = placesOf(JSON.parse(await readFile(join(folder, name), 'utf8')) as Profile)
      const workS = places.reduce((sum, { selfUs }) => sum + selfUs, 0) / 1e6
      return { name, places, workS, role: roleOf(places) }
    }),
  )
  const busiest = Math.max(...read.map(({ workS }) => workS))
  return read
    .filter(({ workS }) => workS > MENTIONED * busiest)
    .sort((a, b) => b.workS - a.workS)
    .map(({ name, places, workS, role }) => `${role}, ${workS.toFixed(1)} s at work (${name})\n${topTable(places)}\n`)
    .join('\n')
}

function roleOf(places: Place[]): string {
  const has = (file: string) => places.some(({ where }) => where.includes(file))
  if (has('workers/udp-listener') || has('workers/run-worker')) return 'worker'
  return has('workers/keeper-server') ? 'keeper' : 'supervisor'
}

if (import.meta.main)
  for (const path of process.argv.slice(2)) {
    const isFolder = (await stat(path)).isDirectory()
    if (isFolder) console.log(await gatherProfiles(path))
    else console.log(`${path}\n${topTable(placesOf(JSON.parse(await readFile(path, 'utf8')) as Profile))}\n`)
  }
