import { expect } from 'chai'
import { SeededRandom } from '../support/random.ts'
import { checkPacket } from './check-packet.ts'
import { readCorpus } from './corpus.ts'
import { Fuzzing } from './fuzz.ts'
import { mutate } from './mutate.ts'

describe('the codec bears any octets', () => {
  for (const { file, packet } of readCorpus()) {
    it(file, () => {
      checkPacket(packet)
    })
  }
  it('and 20,000 packets damaged at random', function () {
    this.timeout(60_000)
    const fuzzing = new Fuzzing(1)
    for (let i = 0; i < 20_000; i++) fuzzing.check(fuzzing.next())
    expect(fuzzing.crashers.map(({ reason }) => reason)).to.deep.equal([])
    expect(fuzzing.outcomes).to.be.above(100)
  })
})

describe('what the corpus holds', () => {
  const outcomes = new Map(readCorpus().map(({ file, packet }) => [file, checkPacket(packet).split(' / ')]))
  it('is read whole when real servers sent it', () => {
    for (const [file, [, reply]] of outcomes) if (/^(knot|bind)-/.test(file)) expect(reply, file).to.equal('fine')
  })
  for (const [file, why] of [
    ['hand-pointer-loop', 'a compression pointer does not lead back'],
    ['hand-pointer-pair', 'a compression pointer does not lead back'],
    ['hand-pointer-forward', 'a compression pointer does not lead back'],
    ['hand-pointer-own-labels', 'a compression pointer does not lead back'],
    ['hand-pointer-header', 'a compression pointer does not lead back'],
    ['hand-pointer-half', 'a compression pointer runs past the end of the packet'],
    ['hand-pointer-chain', 'a name has too many compression pointers'],
    ['hand-counts-lie', 'a name runs past the end of the packet'],
    ['hand-counts-lie-truncated', 'fine'],
    ['hand-opt-twice', 'there is more than one OPT record'],
    ['hand-opt-owner', 'the owner of the OPT record is not the root'],
    ['hand-opt-answer', 'an OPT record is not in the additional section'],
    ['hand-opt-option-long', 'an EDNS option runs past its record'],
    ['hand-opt-flood', 'fine'],
    ['hand-opt-version', 'fine'],
    ['hand-rdlength-past-end', 'the packet ends too early'],
    ['hand-rdlength-short-name', 'RDATA does not fit its type'],
    ['hand-rdlength-long-name', 'RDATA does not fit its type'],
    ['hand-label-types', 'a label is of unknown type'],
    ['hand-label-64', 'a label is of unknown type'],
    ['hand-name-256', 'a name is longer than 255 octets'],
    ['hand-nested-names', 'a name has too many compression pointers'],
    ['hand-compressed-srv', 'fine'],
    ['hand-compressed-dname', 'a name inside RDATA is compressed where it must not be'],
  ]) {
    it(`${file}: ${why}`, () => expect(outcomes.get(`${file}.txt`)?.[1]).to.equal(why))
  }
})

describe('mutate', () => {
  it('repeats itself for the same seed', () => {
    const [{ packet }, { packet: other }] = readCorpus()
    const run = (seed: number) => {
      const random = new SeededRandom(seed)
      return Array.from({ length: 50 }, () => mutate(packet, other, random))
    }
    expect(run(7)).to.deep.equal(run(7))
    expect(run(7)).not.to.deep.equal(run(8))
  })
})
