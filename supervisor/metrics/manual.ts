/** docs/metrics.md, made from the definitions: `npm run docs:metrics` rewrites the page. */

import { KNOT_METRICS } from './knot-metrics.ts'
import type { Metric } from './metric.ts'
import { METRICS } from './metrics.ts'

const INTRODUCTION = `# Metrics

Prometheus reads them at \`http://127.0.0.1:9153/metrics\`. One scrape shows the whole instance: the supervisor asks all workers
and the keeper. [\`monitoring\`](configuration.md#monitoring) moves the endpoint or switches it off.
[deploy/prometheus](../deploy/prometheus) has a configuration to start from and alerts, [deploy/grafana](../deploy/grafana) a
dashboard.

    curl http://127.0.0.1:9153/metrics
    curl http://127.0.0.1:9153/healthz      # 200: the supervisor lives
    curl http://127.0.0.1:9153/readyz       # 200: queries are answered; 503: not yet, or not any more

What to rely on:

- Totals never go back while the service lives, whatever happens to its processes: what a worker or keeper had counted stays
  counted when it leaves, crashes or is replaced. One that is killed takes at most the last second with it. \`bowline upgrade\`
  hands all totals to the new supervisor; what the old workers count until they are gone is added at the end. A restart of the
  service begins at 0.
- A worker that does not answer within 200 ms is told as it last was, and \`bowline_worker_up\` says so.
- \`bowline upgrade\` hands the port over: nobody is refused meanwhile. When another program has the default port, it is tried
  again every ten seconds.
- Everybody who can reach the address may read; nobody can change anything there. No name that is asked for and no address of
  a client is told.
- Reading costs the workers one message each, whoever reads how often at the same time.
- Labels take the values below and no others. Series of rare things (rcodes, types, EDE codes) appear once there is something
  to count.

Metrics of modules are called \`bowline_module_…_total\`, with the name of the module as the label \`module\`; what each means is in
the manual of the module.
`

const KNOT = `## The names of Knot Resolver

The same figures by the names that the manager of Knot Resolver 6 gives them, for each worker. Dashboards made for it go on
working.
`

export function metricsManual(): string {
  const own = METRICS.filter(({ name }) => name.startsWith('bowline_'))
  const knot = METRICS.filter(({ name }) => KNOT_METRICS.some((metric) => metric.name === name))
  return `${INTRODUCTION}\n${tableOf(own)}\n${KNOT}\n${tableOf(knot)}`
}

function tableOf(metrics: readonly Metric[]): string {
  const rows = metrics.map(
    ({ name, type, help, labels }) => `| \`${name}\` | ${type} | ${labelText(labels)} | ${help} |`,
  )
  return ['| Name | Type | Labels | Meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function labelText(labels: Metric['labels']): string {
  return Object.entries(labels)
    .map(([label, values]) => `\`${label}\`: ${values}`)
    .join('; ')
}

if (import.meta.main) process.stdout.write(metricsManual())
