import { expect } from 'chai'
import { type Asked, classifyReply, denialTtl, type Finding, findingText } from '../../src/layers/classify.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { Rcode, Type } from '../../src/wire/types.ts'
import { type ReplyText, reply, sets } from '../support/messages.ts'

const SOA = 'example.org. 3600 SOA ns.example.org. host.example.org. 1 7200 900 86400 300'

function classify(parts: ReplyText, asked: Partial<Asked> = {}, forwarded = false): Finding {
  const full: Asked = {
    qname: nameFromText('www.example.org.'),
    qtype: Type.A,
    zoneCut: nameFromText('example.org.'),
    edns: true,
    ...asked,
  }
  return classifyReply(full, reply({ name: full.qname, type: full.qtype, class: 1 }, parts), forwarded)
}

function expectKind<K extends Finding['kind']>(finding: Finding, kind: K): Finding & { kind: K } {
  expect(finding.kind).to.equal(kind)
  return finding as Finding & { kind: K }
}

describe('classifyReply: answers (RFC 1034 §5.3.3 step 4a)', () => {
  it('finds the RRset asked for', () => {
    const finding = expectKind(classify({ answer: 'www.example.org. A 192.0.2.1' }), 'answer')
    expect(finding.rrset.rdatas).to.have.length(1)
    expect(finding.authoritative).to.equal(true)
  })

  it('ignores records of other names and types beside it', () => {
    const answer = 'www.example.org. A 192.0.2.1\nwww.bank.com. A 192.0.2.66\nwww.example.org. TXT "x"'
    const finding = expectKind(classify({ answer }), 'answer')
    expect(finding.rrset.type).to.equal(Type.A)
    expect(finding.chain).to.deep.equal([])
  })

  it('takes an answer about a name outside the asked zone for none', () => {
    const finding = classify({ answer: 'www.bank.com. A 192.0.2.66' }, { qname: nameFromText('www.bank.com.') })
    expect(finding.kind).to.not.equal('answer')
  })

  it('calls a server lame that offers recursion instead of authority', () => {
    expectKind(classify({ aa: false, ra: true, answer: 'www.example.org. A 192.0.2.1' }), 'lame')
  })

  it('forgives missing AA, and says so', () => {
    const finding = classify({ aa: false, answer: 'www.example.org. A 192.0.2.1' })
    expect(expectKind(finding, 'answer').authoritative).to.equal(false)
  })

  it('forgives it even with RA where the zone speaks for itself in the authority section', () => {
    const finding = classify({
      aa: false,
      ra: true,
      answer: 'www.example.org. A 192.0.2.1',
      authority: 'example.org. NS ns.example.org.',
    })
    expect(expectKind(finding, 'answer').authoritative).to.equal(false)
  })

  it('needs no AA from a forwarder', () => {
    expectKind(classify({ aa: false, ra: true, answer: 'www.example.org. A 192.0.2.1' }, {}, true), 'answer')
  })
})

describe('classifyReply: aliases (RFC 1034 §3.6.2, RFC 6672)', () => {
  it('follows CNAMEs inside the zone to the answer', () => {
    const answer =
      'www.example.org. CNAME a.example.org.\na.example.org. CNAME b.example.org.\nb.example.org. A 192.0.2.1'
    const finding = expectKind(classify({ answer }), 'answer')
    expect(finding.chain).to.have.length(2)
    expect(nameToText(finding.rrset.owner)).to.equal('b.example.org.')
  })

  it('stops where the chain leaves the zone, whatever the reply says about the target', () => {
    const answer = 'www.example.org. CNAME www.bank.com.\nwww.bank.com. A 192.0.2.66'
    const finding = expectKind(classify({ answer }), 'alias')
    expect(nameToText(finding.target)).to.equal('www.bank.com.')
    expect(finding.chain).to.have.length(1)
  })

  it('gives the CNAME itself to those who ask for it', () => {
    const finding = classify({ answer: 'www.example.org. CNAME a.example.org.' }, { qtype: Type.CNAME })
    expect(expectKind(finding, 'answer').rrset.type).to.equal(Type.CNAME)
  })

  it('ends on a loop inside the reply', () => {
    const answer = 'www.example.org. CNAME a.example.org.\na.example.org. CNAME www.example.org.'
    expectKind(classify({ answer }), 'alias')
  })

  it('synthesises the CNAME of a DNAME by itself, RFC 6672 §3.1', () => {
    const finding = expectKind(classify({ answer: 'example.org. DNAME example.net.' }), 'alias')
    expect(nameToText(finding.target)).to.equal('www.example.net.')
    expect(finding.chain.map((set) => set.type)).to.deep.equal([Type.DNAME, Type.CNAME])
  })

  it('rejects a reply whose CNAME contradicts its DNAME', () => {
    const answer = 'example.org. DNAME example.net.\nwww.example.org. CNAME www.bank.com.'
    expect(expectKind(classify({ answer }), 'lame').dname?.type).to.equal(Type.DNAME)
  })

  it('answers a question for CNAME by what a DNAME makes, RFC 6672 §3.3', () => {
    const finding = classify({ answer: 'example.org. DNAME example.net.' }, { qtype: Type.CNAME })
    const { rrset, chain } = expectKind(finding, 'answer')
    expect(rrset.type).to.equal(Type.CNAME)
    expect(chain.map((set) => set.type)).to.deep.equal([Type.DNAME])
  })

  it('does not apply a DNAME to its own owner', () => {
    const finding = classify({ answer: 'www.example.org. DNAME example.net.' })
    expect(finding.kind).to.equal('denial')
  })

  it('says so when a DNAME makes a name too long, RFC 6672 §2.2', () => {
    const long = `${'a'.repeat(60)}.`.repeat(3)
    const qname = nameFromText(`${long}example.org.`)
    const finding = classify({ rcode: Rcode.YXDOMAIN, answer: `example.org. DNAME ${long}net.` }, { qname })
    expectKind(finding, 'too-long')
  })
})

describe('classifyReply: denials (RFC 2308 §2)', () => {
  it('knows a name error by its RCODE', () => {
    const finding = expectKind(classify({ rcode: Rcode.NXDOMAIN, authority: SOA }), 'denial')
    expect(finding.denial).to.equal('nxdomain')
    expect(finding.soa?.ttl).to.equal(3600)
  })

  it('knows no data by an empty answer with a SOA', () => {
    expect(expectKind(classify({ authority: SOA }), 'denial').denial).to.equal('nodata')
  })

  it('takes a SOA from outside the zone for none', () => {
    const authority = 'bank.com. SOA ns.bank.com. h.bank.com. 1 2 3 4 5'
    expect(expectKind(classify({ rcode: Rcode.NXDOMAIN, authority }), 'denial').soa).to.equal(undefined)
  })

  it('applies NXDOMAIN to the end of the chain of aliases, RFC 2308 §2.1', () => {
    const answer = 'www.example.org. CNAME gone.example.org.'
    const finding = expectKind(classify({ rcode: Rcode.NXDOMAIN, answer, authority: SOA }), 'denial')
    expect(nameToText(finding.name)).to.equal('gone.example.org.')
    expect(finding.chain).to.have.length(1)
  })

  it('does not believe NXDOMAIN without AA and SOA', () => {
    expectKind(classify({ aa: false, rcode: Rcode.NXDOMAIN }), 'lame')
  })

  it('keeps a denial for the lower of SOA TTL and MINIMUM, RFC 2308 §5', () => {
    expect(denialTtl(sets(SOA)[0])).to.equal(300)
    expect(denialTtl(sets(SOA.replace('3600', '60'))[0])).to.equal(60)
    expect(denialTtl(undefined)).to.equal(0)
  })
})

describe('classifyReply: referrals (RFC 1034 §5.3.3 step 4b)', () => {
  const down = {
    aa: false,
    authority: 'www.example.org. NS ns1.example.net.\nwww.example.org. NS ns2.www.example.org.',
    additional: 'ns2.www.example.org. A 192.0.2.2\nns9.example.org. A 192.0.2.9',
  }

  it('finds the lower cut and the glue of its servers only', () => {
    const finding = expectKind(classify(down, { qname: nameFromText('a.www.example.org.') }), 'referral')
    expect(nameToText(finding.zone)).to.equal('www.example.org.')
    expect(finding.glue.map((set) => nameToText(set.owner))).to.deep.equal(['ns2.www.example.org.'])
  })

  it('calls upward, sideways and self referrals what they are', () => {
    for (const [owner, reason] of [
      ['.', 'upward referral'],
      ['org.', 'upward referral'],
      ['example.org.', 'referral to itself'],
      ['other.example.org.', 'sideways referral'],
      ['bank.com.', 'sideways referral'],
    ]) {
      const finding = classify({ aa: false, authority: `${owner} NS ns.example.net.` })
      expect(expectKind(finding, 'lame').reason).to.equal(reason)
    }
  })

  it('does not let stray NS sets hide the one that matters', () => {
    const authority = 'com. NS ns.evil.net.\nwww.example.org. NS ns1.example.net.'
    const finding = expectKind(classify({ aa: false, authority }), 'referral')
    expect(nameToText(finding.zone)).to.equal('www.example.org.')
  })
})

describe('classifyReply: what is of no use', () => {
  it('reports errors, and whether EDNS may be to blame (RFC 6891 §7)', () => {
    const formerr = { rcode: Rcode.FORMERR, edns: false } as const
    expect(expectKind(classify(formerr), 'error').plain).to.equal(true)
    expect(expectKind(classify(formerr, { edns: false }), 'error').plain).to.equal(false)
    expect(expectKind(classify({ rcode: Rcode.REFUSED, edns: false }), 'error').plain).to.equal(false)
    expect(expectKind(classify({ rcode: Rcode.FORMERR }), 'error').plain).to.equal(false)
  })

  it('looks no further into a truncated reply', () => {
    expectKind(classify({ tc: true, answer: 'www.example.org. A 192.0.2.1' }), 'truncated')
  })

  it('calls an upward referral lame even with AA', () => {
    expect(expectKind(classify({ authority: '. NS a.root-servers.net.' }), 'lame').reason).to.equal('upward referral')
  })

  it('takes an empty reply without AA for lame', () => {
    expectKind(classify({ aa: false }), 'lame')
  })
})

describe('classifyReply: DS at a cut (RFC 4035 §3.1.4.1)', () => {
  it('is not diverted by the child NS set in an authoritative denial', () => {
    const finding = classify(
      { authority: 'www.example.org. NS ns.www.example.org.' },
      { qname: nameFromText('www.example.org.'), qtype: Type.DS },
    )
    expectKind(finding, 'denial')
  })

  it('is found beside a referral too, where a server takes the question for one about the child', () => {
    const asked = { qname: nameFromText('www.example.org.'), qtype: Type.DS }
    const ns = 'www.example.org. NS ns.www.example.org.'
    const ds = 'www.example.org. DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D'
    expectKind(classify({ aa: false, authority: ns }, asked), 'denial')
    const finding = expectKind(classify({ aa: false, authority: `${ns}\n${ds}` }, asked), 'answer')
    expect(finding.rrset.type).to.equal(Type.DS)
    const below = classify({ aa: false, authority: ns }, { ...asked, qname: nameFromText('a.www.example.org.') })
    expectKind(below, 'referral')
  })
})

describe('findingText', () => {
  it('says in a few words what was found, for each kind', () => {
    const set = { answer: 'www.example.org. A 192.0.2.1' }
    const alias = { answer: 'www.example.org. CNAME www.example.net.' }
    const cut = { aa: false, authority: 'sub.example.org. NS ns.sub.example.org.' }
    const texts = [
      classify(set),
      classify(alias),
      classify(cut, { qname: nameFromText('www.sub.example.org.') }),
      classify({ rcode: Rcode.NXDOMAIN, authority: SOA }),
      classify({ rcode: Rcode.REFUSED }),
      classify({ tc: true }),
    ].map(findingText)
    expect(texts).to.deep.equal([
      'answer A',
      'alias to www.example.net.',
      'referral to sub.example.org.',
      'nxdomain',
      'REFUSED',
      'truncated',
    ])
  })
})
