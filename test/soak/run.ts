/** `npm run test:soak [RUNS]`: the fleet under load for long. Ten runs unless told otherwise, each with twenty reloads, three
 *  upgrades and all kinds of scaling, and at the end a run with twenty kill -9. Exit code 1 when a query was lost where
 *  none may be, or an answer was wrong. */

import { operateUnderLoad, type Plan, type Step } from './under-load.ts'

const runs = Number(process.argv[2] ?? 10)
const UDP_PER_SECOND = Number(process.env.SOAK_UDP ?? 10_000)
const TCP_PER_SECOND = Number(process.env.SOAK_TCP ?? 1500)

const scale = (workers: number): Step => ({ kind: 'scale', workers })
const some = (count: number, ...steps: Step[]): Step[] => Array.from({ length: count }, () => steps).flat()

const operation: Step[] = [
  ...some(2, scale(4), scale(2), scale(3), ...some(3, { kind: 'reload' })),
  ...some(3, { kind: 'upgrade' }, ...some(4, { kind: 'reload' }), scale(1), scale(3)),
  ...some(2, { kind: 'reload' }, { kind: 'restart' }),
]
const kills: Step[] = [scale(4), ...some(20, { kind: 'kill' })]

const say = (line: string) => process.stdout.write(`    ${line}\n`)
let failed = false
const totals = { udp: 0, tcp: 0 }

for (let run = 1; run <= runs; run++) {
  process.stdout.write(`run ${run} of ${runs}: ${operation.length} steps\n`)
  const lost = await report({ udp: UDP_PER_SECOND, tcp: TCP_PER_SECOND, steps: operation, say })
  if (lost > 0) failed = true
}
process.stdout.write('kill -9, twenty times\n')
await report({ udp: UDP_PER_SECOND, tcp: TCP_PER_SECOND, steps: kills, say })
process.stdout.write(
  `${totals.udp} queries over UDP and ${totals.tcp} over TCP in all; ${failed ? 'FAILED' : 'passed'}\n`,
)
process.exitCode = failed ? 1 : 0

/** Runs it, prints what the clients saw; gives how many queries were lost. */
async function report(plan: Plan): Promise<number> {
  const { udp, tcp, slowestMs, errors } = await operateUnderLoad(plan)
  totals.udp += udp.sent
  totals.tcp += tcp.sent
  for (const [name, { sent, lost, rcodes, reconnections }] of Object.entries({ udp, tcp })) {
    process.stdout.write(
      `  ${name}: ${lost} lost of ${sent}; ${JSON.stringify(rcodes)}; ${reconnections} reconnections\n`,
    )
    if (Object.keys(rcodes).some((rcode) => rcode !== 'NOERROR')) failed = true
  }
  process.stdout.write(`  slowest step: ${Math.round(slowestMs)} ms\n`)
  for (const error of errors) process.stdout.write(`  ${error}\n`)
  if (errors.length > 0) failed = true
  return udp.lost + tcp.lost
}
