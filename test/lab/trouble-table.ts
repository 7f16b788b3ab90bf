/** What becomes of each trouble of the lab: `node test/lab/trouble-table.ts` asks for each with a resolver that knows
 *  nothing yet, and prints the outcome, how long it took, and how many queries went to servers. */

import { readFile } from 'node:fs/promises'
import { parseRootHints, Resolver } from '../../src/index.ts'
import { startLab } from './lab.ts'

const lab = await startLab({ quiet: true })
try {
  const rootHints = parseRootHints(await readFile(lab.rootHintsFile, 'utf8'))
  console.log('trouble                   outcome     ms  queries  why')
  for (const trouble of lab.troubles) {
    const settings = { rootHints, queryLoopback: true, upstreamPort: lab.port, validate: false }
    const resolver = new Resolver({ settings })
    // the way to trouble.com, which is not what is measured
    await resolver.query(`nothing.${trouble.origin.split('.').slice(1).join('.')}`, 'A')
    const sent = () => resolver.core.counters.exchanges.upstreamUdp + resolver.core.counters.exchanges.upstreamTcp
    const before = sent()
    const { rcode, elapsedMs, edes } = await resolver.query(trouble.qname, trouble.qtype)
    const figures = `${elapsedMs.toFixed(0).padStart(5)}  ${String(sent() - before).padStart(7)}`
    console.log(`${trouble.behaviour.padEnd(24)}  ${rcode.padEnd(8)}  ${figures}  ${edes[0]?.text ?? ''}`.trimEnd())
    await resolver.close()
  }
} finally {
  await lab.stop()
}
