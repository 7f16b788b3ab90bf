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
