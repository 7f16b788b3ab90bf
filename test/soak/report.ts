/** What the runs of a soak have shown, in a table for people, and what of it must not be. */

import { lossesOf, notNoError, type Seen } from './under-load.ts'

export interface Run {
  number: number
  operated: Seen
  /** While workers were killed: what they had is lost, and nothing else. */
  killed?: Seen
}

const COLUMNS: readonly [title: string, cell: (run: Run) => string][] = [
  ['run', ({ number }) => `${number}`],
  ['seconds', ({ operated, killed }) => `${Math.round(operated.seconds + (killed?.seconds ?? 0))}`],
  ['udp', ({ operated }) => `${operated.udp.sent}`],
  ['lost', ({ operated }) => `${operated.udp.lost}`],
  ['tcp', ({ operated }) => `${operated.tcp.sent}`],
  ['failed', ({ operated: { tcp, probed } }) => `${tcp.lost + tcp.reconnections + probed.failed}`],
  ['read', ({ operated: { probed } }) => `${probed.udp + probed.tcp}`],
  ['wrong', ({ operated, killed }) => `${wrongIn(operated) + (killed === undefined ? 0 : wrongIn(killed))}`],
  ['p99 steady', ({ operated }) => `${operated.p99.steadyMs.toFixed(1)} ms`],
  ['p99 roll', ({ operated }) => `${operated.p99.rollMs.toFixed(1)} ms`],
  ['slowest step', ({ operated }) => `${(operated.slowestMs / 1000).toFixed(1)} s`],
  ['supervisor', ({ operated }) => `${(100 * operated.supervisorCpu.steady).toFixed(2)} %`],
  ['kill -9: udp', ({ killed }) => `${killed?.udp.sent ?? '-'}`],
  ['lost', ({ killed }) => (killed === undefined ? '-' : `${killed.udp.lost}`)],
  ['back within', ({ killed }) => (killed === undefined ? '-' : `${Math.round(killed.longestGapMs)} ms`)],
]

export function tableText(runs: readonly Run[], withTitles: boolean): string {
  const rows = runs.map((run) => COLUMNS.map(([, cell]) => cell(run)))
  const titles = COLUMNS.map(([title]) => title)
  const lines = (withTitles ? [titles, ...rows] : rows).map(
    (row) => `${row.map((cell, column) => cell.padStart(Math.max(titles[column].length, 8))).join('  ')}\n`,
  )
  return lines.join('')
}

/** Sentences; none when all is as it has to be. */
export function failuresOf({ number, operated, killed }: Run): string[] {
  const failures: string[] = []
  const wrong = (what: string, seen: Seen) => {
    for (const example of seen.probed.examples) failures.push(`run ${number}, ${what}: ${example}`)
    for (const error of seen.errors) failures.push(`run ${number}, ${what}: ${error}`)
    if (wrongIn(seen) > 0) failures.push(`run ${number}, ${what}: ${wrongIn(seen)} answers were wrong`)
  }
  wrong('operation', operated)
  if (lossesOf(operated) > 0 || operated.tcp.reconnections > 0)
    failures.push(
      `run ${number}: lost over UDP ${operated.udp.lost} + ${operated.probed.lost}, over TCP ${operated.tcp.lost} + ` +
        `${operated.probed.failed}, ${operated.tcp.reconnections} connections`,
    )
  if (killed !== undefined) wrong('kill -9', { ...killed, probed: { ...killed.probed, examples: [] } })
  return failures
}

export function summaryText(runs: readonly Run[]): string {
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0)
  const failed = runs.filter((run) => failuresOf(run).length > 0).length
  const udp = sum(({ operated }) => operated.udp.sent + operated.probed.udp)
  const tcp = sum(({ operated }) => operated.tcp.sent + operated.probed.tcp)
  const lost = sum(({ operated }) => operated.udp.lost + operated.probed.lost)
  const failedTcp = sum(({ operated: { tcp, probed } }) => tcp.lost + tcp.reconnections + probed.failed)
  const verdict = failed === 0 ? 'passed' : `${failed} FAILED`
  return (
    `${runs.length} runs: ${lost} lost of ${udp} queries over UDP, ${failedTcp} failed of ${tcp} over TCP; ` +
    `p99 ${ratioText(runs)} times the steady one during rolls; ${verdict}\n`
  )
}

/** Of the run in the middle. */
function ratioText(runs: readonly Run[]): string {
  const ratios = runs.map(({ operated: { p99 } }) => p99.rollMs / p99.steadyMs).sort((one, other) => one - other)
  return (ratios[ratios.length >> 1] ?? Number.NaN).toFixed(1)
}

function wrongIn({ udp, tcp, probed }: Seen): number {
  return probed.wrong + notNoError(udp) + notNoError(tcp)
}
