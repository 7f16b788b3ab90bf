/** Our text and our octets beside those of BIND's named-compilezone, for every type it knows. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { nameFromText } from '../../src/wire/name.ts'
import { parseZoneText, rdataFromText } from '../../src/wire/text.ts'
import { Type, typeText } from '../../src/wire/types.ts'
import { findPeer, needPeer } from '../peers.ts'
import { EXAMPLES, type RdataExample } from './rdata-examples.ts'
import { hexOf } from './support.ts'

const origin = nameFromText('example.org.')

/** Types BIND 9.18 takes for unknown, or refuses in a zone because they are obsolete or describe a message. */
const UNKNOWN_TO_BIND: number[] = [
  Type.MD,
  Type.MF,
  Type.DSYNC,
  Type.HHIT,
  Type.BRID,
  Type.CLA,
  Type.IPN,
  Type.TKEY,
  Type.TSIG,
]
const KNOWN = EXAMPLES.filter(({ type, text }) => !UNKNOWN_TO_BIND.includes(type) && !/ohttp|NXNAME/.test(text))

/** Texts we write in another way than BIND: NID and L64 with leading zeros, as RFC 6742 shows them; dohpath by name. */
function differsFromBind({ type, text }: RdataExample): boolean {
  return type === Type.NID || type === Type.L64 || text.includes('dohpath')
}

/** What named-compilezone makes of a zone in which `rdataText` tells the RDATA of each example: one line for each. */
function compile(examples: RdataExample[], rdataText: (example: RdataExample) => string): string[] {
  const lines = ['$TTL 3600', '@ SOA ns.test. hostmaster.test. 1 3600 900 604800 300', '@ NS ns.test.']
  for (const [index, example] of examples.entries())
    lines.push(`x${index} ${typeText(example.type)} ${rdataText(example)}`)
  const off = ['-i', 'none', ...['-k', '-n', '-m', '-M', '-S', '-W', '-r', '-T'].flatMap((check) => [check, 'ignore'])]
  const folder = mkdtempSync(join(tmpdir(), 'bowline-zone-'))
  const file = join(folder, 'zone')
  writeFileSync(file, `${lines.join('\n')}\n`)
  const { stdout, stderr } = spawnSync(
    findPeer('named-compilezone') ?? '',
    [...off, '-s', 'full', '-o', '-', 'example.org', file],
    { encoding: 'utf8' },
  )
  rmSync(folder, { recursive: true })
  const compiled = stdout.split('\n')
  return examples.map((example, index) => {
    const line = compiled.find((candidate) => candidate.startsWith(`x${index}.example.org.`))
    return line ?? expect.fail(`${typeText(example.type)} ${example.text}: no line came back; ${stderr}`)
  })
}

/** RDATA text of a line, with all blanks gone: BIND breaks long base64 and hex into words. */
function squeezedRdata(line: string): string {
  return line.split(/\s+/).slice(4).join('')
}

describe('RDATA beside named-compilezone', () => {
  // The SOA of the examples stands where none may be.
  const examples = KNOWN.filter(({ type }) => type !== Type.SOA)

  it('reads our text as the octets we do, and writes the text we do', function () {
    needPeer(this, 'named-compilezone')
    for (const [index, line] of compile(examples, ({ text }) => text).entries()) {
      const example = examples[index]
      const [record] = parseZoneText(line)
      expect(hexOf(record.rdata), line).to.equal(hexOf(rdataFromText(example.type, example.text, origin)))
      if (!differsFromBind(example)) expect(squeezedRdata(line)).to.equal(example.text.replaceAll(' ', ''))
    }
  })

  it('writes our octets as the text we do', function () {
    needPeer(this, 'named-compilezone')
    const generic = ({ type, text }: RdataExample) => {
      const rdata = rdataFromText(type, text, origin)
      return `\\# ${rdata.length} ${hexOf(rdata)}`
    }
    for (const [index, line] of compile(examples, generic).entries()) {
      const example = examples[index]
      if (!differsFromBind(example)) expect(squeezedRdata(line)).to.equal(example.text.replaceAll(' ', ''))
    }
  })

  it('reads the other spellings as we do', function () {
    needPeer(this, 'named-compilezone')
    const spelt = examples.flatMap(({ type, also = [] }) => also.map((text) => ({ type, text })))
    const ours = spelt.filter(({ text }) => !ONLY_OURS.test(text))
    for (const [index, line] of compile(ours, ({ text }) => text).entries()) {
      const { type, text } = ours[index]
      expect(hexOf(parseZoneText(line)[0].rdata), text).to.equal(hexOf(rdataFromText(type, text, origin)))
    }
  })
})

/** Mnemonics that BIND 9.18 does not take. */
const ONLY_OURS = /DANE-EE|DELETE/
