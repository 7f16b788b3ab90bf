/** What became of one setting of the configuration that was brought along. */

import type { Place } from '../mistake.ts'

/** A setting as it stands in the file that was brought along. */
export interface Statement {
  /** Undefined: the file does not say it, and the program it is for does it all the same. */
  place?: Place
  /** In the words of its own program: `server/num-threads`, `net.listen`. */
  setting: string
  value: string
}

/** `taken`: it means the same here. `translated`: it was taken in another shape, or means something a little different.
 *  `not-needed`: nothing is to be done. `left-out`: Bowline does not do that, or not for certain. */
export type Outcome = 'taken' | 'translated' | 'not-needed' | 'left-out'

export interface Finding extends Statement {
  outcome: Outcome
  /** The setting it was taken into, as in `cache/size-max`. */
  into?: string
  /** What differs, why nothing is needed, or what to do instead. */
  note?: string
}

const MAX_VALUE = 60

/** `FILE:LINE: setting value → into: note`, in one line. */
export function findingText({ place, setting, value, into, note }: Finding): string {
  const shown = value.length <= MAX_VALUE ? value : `${value.slice(0, MAX_VALUE - 1)}…`
  const start = `${placeText(place)}${setting}${shown === '' ? '' : ` ${shown}`}`
  const target = into === undefined ? '' : ` → ${into}`
  return `${start}${target}${note === undefined ? '' : `: ${note}`}`.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}

export function placeText(place: Place | undefined): string {
  if (place === undefined) return ''
  return `${[place.file, place.line].filter((part) => part !== undefined).join(':')}: `
}

const HEADINGS: readonly [Outcome, string][] = [
  ['left-out', 'Left out:'],
  ['translated', 'Taken, but it is not quite the same:'],
  ['not-needed', 'Not needed:'],
]

/** The report for people: what they have to look at first, and how many settings went over as they were. */
export function reportText(findings: readonly Finding[]): string {
  const of = (outcome: Outcome) => findings.filter((finding) => finding.outcome === outcome)
  const chapters = HEADINGS.flatMap(([outcome, heading]) => {
    const lines = of(outcome).map((finding) => `  ${findingText(finding)}\n`)
    return lines.length === 0 ? [] : [`${heading}\n${lines.join('')}`]
  })
  const count = (outcome: Outcome, words: string) => `${of(outcome).length} ${words}`
  const sum = [
    count('taken', 'taken as they are'),
    count('translated', 'in another shape'),
    count('not-needed', 'not needed'),
    count('left-out', 'left out'),
  ]
  return `${chapters.join('')}${findings.length} settings: ${sum.join(', ')}\n`
}
