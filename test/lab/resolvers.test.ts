import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { needPeer } from '../peers.ts'
import { askResolver, type Outcome } from './compare.ts'
import { type Lab, type LoggedQuery, startLab } from './lab.ts'
import { PEER_NAMES, type Resolver, startBowlineLibrary, startPeer } from './resolvers.ts'
import { comparable } from './side-by-side.ts'
import type { Trouble } from './troubles.ts'
import type { Fate, WorldQuestion } from './world.ts'

const AT_ONCE = 20

/** Runs `action` for all items, some at a time. */
async function forAll<Item>(items: Item[], action: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items]
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await action(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** What a resolver says otherwise than the oracle, one line a question. */
async function untruths(lab: Lab, resolver: Resolver, questions: WorldQuestion[]): Promise<string[]> {
  const found: string[] = []
  await forAll(questions, async (question) => {
    const truth = lab.oracle.truth(question.qname, question.qtype)
    const outcome = await askResolver(resolver, question)
    const isSame =
      outcome.rcode === truth.rcode &&
      (truth.rcode === 'SERVFAIL' || JSON.stringify(outcome.answer) === JSON.stringify(comparable(truth.answer)))
    if (!isSame) found.push(`${question.qname} ${question.qtype}: ${outcome.summary}, not ${truth.rcode}`)
  })
  return found
}

/** The corner cases with one true answer, and of the ordinary zones' questions every nth. */
function questionsWithTruth(lab: Lab, every: number, fates: Fate[] = ['fine', 'broken']): WorldQuestion[] {
  return lab.world.questions.filter(
    ({ qname, qtype }, index) =>
      (index < 500 || index % every === 0) && fates.includes(lab.oracle.truth(qname, qtype).fate),
  )
}

describe('resolvers of others in the lab', function () {
  this.timeout(60_000)
  let lab: Lab
  let folder: string
  before(async function () {
    lab = await startLab({ quiet: true })
    if (lab.port !== 53) this.skip() // they ask no other port
    folder = await mkdtemp(join(tmpdir(), 'bowline-resolvers-'))
  })
  after(async () => {
    await lab.stop()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  /** What these resolvers are known to make otherwise: PowerDNS Recursor gives no YXDOMAIN, not all types, and now and
   *  then an alias without its DNAME; kresd now and then leaves out the second of two DNAMEs. */
  const known: Record<string, RegExp> = {
    pdns_recursor: /long\.dname-long\.org\. A: SERVFAIL|TYPE65400: SERVFAIL|dname\.org\. CNAME: NOERROR CNAME/,
    kresd: /www\.twice\.dname\.org\. A: NOERROR DNAME CNAME/,
  }
  for (const name of PEER_NAMES)
    it(`${name} finds what the oracle says`, async function () {
      needPeer(this, name)
      const resolver = await startPeer(name, lab, folder)
      try {
        const questions = questionsWithTruth(lab, 40, ['fine']) // they take their time over what is broken
        const doubtful = new Set((await untruths(lab, resolver, questions)).map((line) => line.split(':')[0]))
        // once more, without haste: what others make of our questions in a crowd is not what is tested here
        const found = await untruths(
          lab,
          resolver,
          questions.filter((q) => doubtful.has(`${q.qname} ${q.qtype}`)),
        )
        expect(found.filter((line) => known[name] === undefined || !known[name].test(line))).to.deep.equal([])
      } finally {
        await resolver.stop()
      }
    })
})

describe('Bowline in a lab where port 53 is not to be had', () => {
  it('asks the port it is told', async () => {
    const lab = await startLab({ engine: 'typescript', port: 10053, only: ['cases'], quiet: true })
    const bowline = await startBowlineLibrary(lab)
    try {
      expect(await untruths(lab, bowline, [{ qname: 'across.chains.com.', qtype: 'A' }])).to.deep.equal([])
    } finally {
      await bowline.stop()
      await lab.stop()
    }
  })
})

describe('Bowline in the lab', function () {
  this.timeout(60_000)
  let lab: Lab
  let bowline: Resolver
  before(async () => {
    lab = await startLab({ engine: 'typescript', quiet: true })
    bowline = await startBowlineLibrary(lab)
  })
  after(async () => {
    await bowline.stop()
    await lab.stop()
  })

  it('finds what the oracle says, the corners of DNS and a sample of a thousand zones', async () => {
    expect(await untruths(lab, bowline, questionsWithTruth(lab, 20))).to.deep.equal([])
  })

  it('gives the same again from its cache', async () => {
    expect(await untruths(lab, bowline, questionsWithTruth(lab, 200))).to.deep.equal([])
  })

  describe('among misbehaving servers', () => {
    const outcomes = new Map<Trouble, Outcome>()
    let queries: LoggedQuery[]
    before(async () => {
      lab.forgetQueries()
      await forAll(lab.troubles, async (trouble) => void outcomes.set(trouble, await askResolver(bowline, trouble)))
      queries = lab.queryLog()
    })

    it('makes the best of each', () => {
      const unsound = [...outcomes].filter(([trouble, outcome]) => !isSound(trouble, outcome))
      const lines = unsound.map(([{ qname, rcodes }, { summary }]) => `${qname} ${summary}, not ${rcodes.join(' or ')}`)
      expect(lines).to.deep.equal([])
    })

    it('asks none of them without end: loops, endless chains, silence', () => {
      for (const { behaviour } of lab.troubles)
        expect(queries.filter(({ host }) => host === behaviour).length, behaviour).to.be.below(60)
    })

    it('sends a victim few queries for referrals to servers that do not exist (NXNSAttack)', () => {
      expect(queries.filter(({ qname }) => qname.endsWith('.nothing.victim.com.')).length).to.be.below(25)
    })

    it('believes no poison', async () => {
      const poisoned = lab.troubles.flatMap(({ unharmed }) => unharmed.map((qname) => ({ qname, qtype: 'A' })))
      expect(poisoned.length).to.be.above(5)
      expect(await untruths(lab, bowline, poisoned)).to.deep.equal([])
    })
  })
})

function isSound(trouble: Trouble, { rcode, answer }: Outcome): boolean {
  if (!trouble.rcodes.includes(rcode)) return false
  if (rcode !== 'NOERROR' || trouble.answer.length === 0) return true
  const octets = (text: string) => Buffer.from(text.split('.').map(Number)).toString('hex')
  return trouble.answer.every((address) => answer.some((found) => found.endsWith(` ${octets(address)}`)))
}
