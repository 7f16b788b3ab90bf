/** Makes the page that Prometheus reads. Workers and keeper are asked once for each page; whoever asks for the page meanwhile
 *  gets the same. One that does not answer in time is told as it last was: a scrape never waits for a worker that hangs. */

import { AggregatorRegistry } from 'prom-client'
import { type Family, familiesOf, type Snapshot } from './metric.ts'
import { METRICS } from './metrics.ts'

export class Exporter {
  readonly #look: () => Promise<Snapshot>
  #underWay: Promise<Family[]> | undefined

  /** `look` asks everybody. */
  constructor(look: () => Promise<Snapshot>) {
    this.#look = look
  }

  /** Concurrent calls share the work. */
  families(): Promise<Family[]> {
    this.#underWay ??= this.#look()
      .then((snapshot) => familiesOf(METRICS, snapshot))
      .finally(() => {
        this.#underWay = undefined
      })
    return this.#underWay
  }

  async page(): Promise<{ contentType: string; text: string }> {
    const families = await this.families()
    const told = families.map(({ name, type, help, samples }) => ({
      name,
      type,
      help,
      values: samples,
      aggregator: 'sum', // cells with the same labels, such as rare types, are one series
    }))
    const registry = AggregatorRegistry.aggregate([told])
    return { contentType: registry.contentType, text: await registry.metrics() }
  }
}
