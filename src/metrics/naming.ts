/** What a figure is called, as Prometheus will see it. Only read when scraped. */

/** Of what is counted or measured in one place of an array. Places that share a name are one metric, told apart by their
 *  labels. */
export interface MetricName {
  name: string
  labels?: Record<string, string>
  help: string
}

/** Names the places of one metric, each by the value that its label has there. */
export function labelled(name: string, label: string, help: string): (value: string) => MetricName {
  return (value) => ({ name, labels: { [label]: value }, help })
}

const NOT_IN_NAMES = /[^a-z0-9_]/g

/** What a module counts has the same name whatever the module; which one it is stands in the label `module`. */
export function moduleMetric(metric: string): string {
  return `bowline_module_${metric.toLowerCase().replace(NOT_IN_NAMES, '_')}_total`
}
