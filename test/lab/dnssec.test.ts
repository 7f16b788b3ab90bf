import { expect } from 'chai'
import { needPeer } from '../peers.ts'
import { askValidator, FLAG_SETS, fault, flagsText, isSound, isTelling } from './compare-dnssec.ts'
import { type Lab, startLab } from './lab.ts'
import { type Resolver, startBowlineLibrary } from './resolvers.ts'
import type { WorldQuestion } from './world.ts'

const AT_ONCE = 20

async function forAll<Item>(items: Item[], action: (item: Item, index: number) => Promise<void>): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < items.length) {
      const index = next++
      await action(items[index], index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** What a validator says otherwise than the oracle, one line a question; each with `turns` combinations of flags. */
async function untruths(lab: Lab, resolver: Resolver, questions: WorldQuestion[], turns: number): Promise<string[]> {
  const found: string[] = []
  await forAll(questions, async ({ qname, qtype }, index) => {
    for (let turn = 0; turn < turns; turn++) {
      const flags = FLAG_SETS[(index + turn) % FLAG_SETS.length]
      const outcome = await askValidator(resolver, { qname, qtype }, flags)
      const wrong = fault(lab.oracle.expect(qname, qtype, flags), outcome)
      if (wrong !== undefined) found.push(`${qname} ${qtype} ${flagsText(flags)}: ${wrong}`)
    }
  })
  return found
}

describe('Bowline in the signed lab', function () {
  this.timeout(60_000)
  let lab: Lab
  let bowline: Resolver
  before(async () => {
    lab = await startLab({ dnssec: true, engine: 'typescript', only: ['cases', 'signed', 'forgeries'], quiet: true })
    bowline = await startBowlineLibrary(lab)
  })
  after(async () => {
    await bowline.stop()
    await lab.stop()
  })

  it('proves what can be proven and nothing else, with DO, CD, both and neither', async () => {
    const questions = lab.world.questions.filter(({ qname, qtype }) => lab.oracle.truth(qname, qtype).fate !== 'moot')
    expect(questions.length).to.be.above(1000)
    expect(await untruths(lab, bowline, questions, FLAG_SETS.length)).to.deep.equal([])
  })

  it('gives signatures to whoever sets DO, and to nobody else (RFC 4035 §3.2.1)', async () => {
    for (const qname of ['www.alg13-nsec.cz.', 'www.tree.crossing.cz.', 'x.wild.alg8-nsec3.cz.']) {
      const signed = async (flags: { do: boolean; cd: boolean }) =>
        (await askValidator(bowline, { qname, qtype: 'A' }, flags)).signed
      expect(await signed({ do: true, cd: false }), qname).to.equal('all')
      expect(await signed({ do: false, cd: false }), qname).to.equal('none')
    }
  })

  it('keeps what it gave with CD from those who did not ask for that (RFC 4035 §4.7)', async () => {
    const question = { qname: 'www.wrong-data.bogus.cz.', qtype: 'A' }
    const careless = await askValidator(bowline, question, { do: false, cd: true })
    expect([careless.rcode, careless.ad]).to.deep.equal(['NOERROR', false])
    expect((await askValidator(bowline, question, { do: false, cd: false })).rcode).to.equal('SERVFAIL')
  })

  it('tells no DS behind opt-out as if it were proven, whatever came before (RFC 5155 §9.2)', async () => {
    for (const [qname, qtype] of [
      ['www.below.hidden.registry.cz.', 'A'], // brings the referral, and its denial of DS
      ['below.hidden.registry.cz.', 'DS'],
    ])
      expect((await askValidator(bowline, { qname, qtype }, { do: true, cd: false })).ad, qname).to.equal(false)
  })

  it('finds out every forgery, and says what is wrong with it (RFC 8914)', async () => {
    const lines: string[] = []
    for (const forgery of lab.world.forgeries) {
      const outcome = await askValidator(bowline, forgery, { do: true, cd: false })
      const { label, rcodes, ad, edes } = forgery
      if (isSound(forgery, outcome) && isTelling(forgery, outcome)) continue
      const found = `${outcome.rcode}${outcome.ad ? ' AD' : ''} ${outcome.edes.join(',')}`
      lines.push(`${label}: ${found}, not ${rcodes.join('/')}${ad ? ' AD' : ''} ${edes.join('/')}`)
    }
    expect(lines).to.deep.equal([])
  })

  it('gives the data of a forgery to those who set CD', async () => {
    const wrong: string[] = []
    for (const { label, qname, qtype } of lab.world.forgeries.filter(
      ({ rcodes, attack }) => rcodes[0] === 'SERVFAIL' && !attack,
    )) {
      const outcome = await askValidator(bowline, { qname, qtype }, { do: false, cd: true })
      if (outcome.rcode === 'SERVFAIL' || outcome.ad) wrong.push(`${label}: ${outcome.rcode}`)
    }
    expect(wrong).to.deep.equal([])
  })
})

describe('Bowline among signatures and proofs that others made', function () {
  this.timeout(60_000)
  let lab: Lab | undefined
  before(async function () {
    needPeer(this, 'knotd', 'keymgr', 'nsd', 'named', 'dnssec-signzone', 'ldns-signzone')
    lab = await startLab({ dnssec: true, engine: 'debian', only: ['signed'], quiet: true })
  })
  after(() => lab?.stop())

  it('finds what the oracle says in zones signed by knotd, dnssec-signzone and ldns-signzone', async () => {
    const bowline = await startBowlineLibrary(lab!)
    try {
      const questions = lab!.world.questions.filter(
        ({ qname, qtype }) => /(knot|bind|ldns)-/.test(qname) && qtype !== 'SOA',
      )
      expect(questions.length).to.be.above(200)
      expect(await untruths(lab!, bowline, questions, 1)).to.deep.equal([])
    } finally {
      await bowline.stop()
    }
  })

  it('finds what the oracle says where nsd, knotd and named choose the proofs', async () => {
    const bowline = await startBowlineLibrary(lab!)
    try {
      const questions = lab!.world.questions.filter(({ qname }) => /alg\d+-/.test(qname))
      expect(await untruths(lab!, bowline, questions, 1)).to.deep.equal([])
    } finally {
      await bowline.stop()
    }
  })
})
