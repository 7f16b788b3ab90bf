/** How do answers of several resolvers look side by side? A form in which they compare, and tables for people. */

import { nameToText } from '../../src/wire/name.ts'
import { canonicalRdata } from '../../src/wire/rdata.ts'
import type { RRset } from '../../src/wire/rrset.ts'
import { typeText } from '../../src/wire/types.ts'

/** Owner, type and records of each RRset, all sorted: equal exactly for equal answers. TTLs and order do not count. */
export function comparable(answer: RRset[]): string[] {
  const texts = answer.map((found) => {
    const records = found.rdatas.map((rdata) => Buffer.from(canonicalRdata(rdata, found.type)).toString('hex')).sort()
    return `${nameToText(found.owner).toLowerCase()} ${typeText(found.type)} ${records.join(' ')}`
  })
  return texts.sort()
}

export function printTable(rows: string[][]): void {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
}

export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
