/** Random names and records for property tests. */

import fc from 'fast-check'
import { type Name, nameFromText, prependLabel, ROOT } from '../../src/wire/name.ts'

const letter = fc.constantFrom(...Buffer.from('abABzZ09-*'))
const octet = fc.oneof({ weight: 5, arbitrary: letter }, { weight: 1, arbitrary: fc.nat(255) })
const label = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }).chain(({ length }) => octets(length)) },
  { weight: 1, arbitrary: octets(63) },
)

function octets(length: number): fc.Arbitrary<Uint8Array> {
  return fc.array(octet, { minLength: length, maxLength: length }).map((values) => Uint8Array.from(values))
}

const ending = fc.constantFrom(...['.', 'org.', 'example.org.', 'Example.ORG.', 'a.b.c.example.org.'].map(nameFromText))

/** Any name: mostly short ones that share endings, some as long as names get. */
export const anyName: fc.Arbitrary<Name> = fc.tuple(ending, fc.array(label, { maxLength: 6 })).map(([end, labels]) => {
  let name = end.length === 1 ? ROOT : end
  for (const label of labels) name = prependLabel(label, name) ?? name
  return name
})
