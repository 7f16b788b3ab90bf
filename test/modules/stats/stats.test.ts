import { expect } from 'chai'
import { Stats } from '../../../src/modules/stats/index.ts'
import { composeQuery } from '../../../src/wire/compose.ts'
import { nameFromText } from '../../../src/wire/name.ts'
import { Class, Type } from '../../../src/wire/types.ts'
import { SeededRandom } from '../../support/random.ts'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000
const ann = Uint8Array.of(192, 0, 2, 1)
const bob = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 9)

function query(name: string, type: number = Type.A): Uint8Array {
  const buffer = new Uint8Array(512)
  const question = { name: nameFromText(name), type, class: Class.IN }
  return buffer.slice(0, composeQuery(buffer, { id: 1, flags: 0, question, edns: undefined }))
}
const make = (room = 100) => new Stats({ room, windowMs: HOUR, seed: 1 })
const keys = (entries: { key: string; count: number }[]) => entries.map(({ key, count }) => [key, count])

describe('Stats', () => {
  it('tells names with their type, in lower case, and clients', () => {
    const stats = make()
    stats.note(query('www.Example.org'), ann, NOW)
    stats.note(query('WWW.example.org'), ann, NOW + 1)
    stats.note(query('www.example.org', Type.AAAA), bob, NOW + 2)
    expect(keys(stats.top('names', 9, NOW + 3))).to.deep.equal([
      ['www.example.org. A', 2],
      ['www.example.org. AAAA', 1],
    ])
    expect(keys(stats.top('clients', 9, NOW + 3))).to.deep.equal([
      ['192.0.2.1', 2],
      ['2001:db8::/56', 1], // what one customer has, RFC 6177 §2
    ])
    expect(stats.top('servfail', 9, NOW + 3)).to.deep.equal([])
    expect(stats.top('names', 1, NOW + 3)).to.have.length(1)
  })

  it('tells the names of answers that are SERVFAIL, every one of them', () => {
    const stats = make()
    const response = query('broken.example.org')
    response[2] |= 0x80
    for (let i = 0; i < 7; i++) stats.noteFailure(response, NOW)
    expect(stats.top('servfail', 9, NOW)).to.deep.equal([{ key: 'broken.example.org. A', count: 7, error: 0 }])
  })

  it('looks at some of many, and is right on average', () => {
    const stats = make()
    const [often, seldom] = [query('often.example'), query('seldom.example')]
    const random = new SeededRandom(2)
    for (let i = 0; i < 100_000; i++) stats.note(random.below(4) === 0 ? seldom : often, ann, NOW + Math.floor(i / 100))
    const [first, second] = stats.top('names', 9, NOW + 1000)
    expect(first.key).to.equal('often.example. A')
    expect(first.count).to.be.closeTo(75_000, 5000)
    expect(second.count).to.be.closeTo(25_000, 4000)
    expect(stats.top('clients', 9, NOW + 1000)[0].count).to.be.closeTo(100_000, 5000)
  })

  it('forgets what was before the window before', () => {
    const stats = make()
    stats.note(query('old.example'), ann, NOW)
    stats.note(query('new.example'), ann, NOW + HOUR + 1)
    expect(keys(stats.top('names', 9, NOW + HOUR + 1))).to.deep.equal([
      ['new.example. A', 1],
      ['old.example. A', 1],
    ])
    expect(keys(stats.top('names', 9, NOW + 2 * HOUR + 2))).to.deep.equal([['new.example. A', 1]])
    expect(stats.top('names', 9, NOW + 9 * HOUR)).to.deep.equal([])
  })

  it('keeps account of no more than it has room for', () => {
    const stats = make(10)
    for (let i = 0; i < 1000; i++) stats.note(query(`n${i}.example`), ann, NOW + i)
    expect(stats.top('names', 1000, NOW + 1000)).to.have.length(10)
  })

  it('counts nothing that is no question', () => {
    const stats = make()
    for (let octets = 0; octets < query('example.org').length; octets++)
      stats.note(query('example.org').subarray(0, octets), ann, NOW + octets)
    stats.noteFailure(new Uint8Array(12), NOW)
    expect(stats.top('clients', 9, NOW)).to.deep.equal([])
    expect(stats.top('servfail', 9, NOW)).to.deep.equal([])
  })
})
