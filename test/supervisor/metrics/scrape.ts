/** Reading what a service tells Prometheus. */

import { expect } from 'chai'

/** Values by name and labels, as the page writes them. */
export type Series = Map<string, number>

export async function scrape(port: number): Promise<Series> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  expect(response.status).to.equal(200)
  return parse(await response.text())
}

export function parse(page: string): Series {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

/** The sum of all series of this name with these labels. */
export function total(series: Series, name: string, ...labels: string[]): number {
  return [...series]
    .filter(([key]) => key.startsWith(`${name}{`) || key === name)
    .filter(([key]) => labels.every((label) => key.includes(label)))
    .reduce((sum, [, value]) => sum + value, 0)
}

/** What only grows has not shrunk. The supervisor's own processor time begins anew with a new supervisor. */
export function expectNoStepBack(before: Series, after: Series): void {
  for (const [key, value] of before) {
    if (!/_(total|bucket|count|sum)(\{|$)/.test(key) || key === 'bowline_supervisor_cpu_seconds_total') continue
    expect(after.get(key), key).to.be.at.least(value)
  }
}
