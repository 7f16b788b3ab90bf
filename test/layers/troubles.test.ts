import { expect } from 'chai'
import type { ServerAddress } from '../../src/io/address.ts'
import type { Finding } from '../../src/layers/classify.ts'
import { MAX_TRIES_PER_ADDRESS, Troubles } from '../../src/layers/troubles.ts'
import { enterCut, hintedRoot } from '../../src/layers/zone-cut.ts'
import type { Arrival, Query } from '../../src/request.ts'
import { rootHint } from '../../src/root-hints.ts'
import { defaultSettings } from '../../src/settings.ts'
import type { Servers } from '../../src/upstream/servers.ts'
import { ROOT } from '../../src/wire/name.ts'
import { Rcode, Type } from '../../src/wire/types.ts'
import { question, sets } from '../support/messages.ts'
import { SeededRandom } from '../support/random.ts'
import { requestFor } from '../support/stepping.ts'

/** The first of two servers has been asked, once. */
function world(parts: Partial<Query> = {}) {
  const forbidden = { queryLoopback: false, listening: [] }
  const cutOptions = { settings: defaultSettings, random: new SeededRandom(1), forbidden }
  const cut = hintedRoot([rootHint('ns.lab.', ['192.0.2.53', '192.0.2.54'])])
  const iteration = enterCut(cut, false, 0, cutOptions)
  const [server] = iteration.candidates
  iteration.tried.set(server.key, 1)
  iteration.spent = 1
  const learnt: object[] = []
  const learn: Servers['learn'] = (about: ServerAddress, lesson) => {
    expect(about).to.equal(server)
    learnt.push(lesson)
  }
  const query: Query = {
    qname: question('www.example.org.').name,
    qtype: Type.A,
    server,
    protocol: 'udp',
    timeoutMs: 400,
    edns: true,
    mixCase: true,
    zoneCut: ROOT,
    minimised: false,
    ...parts,
  }
  return { iteration, query, server, learnt, troubles: new Troubles({ learn }) }
}

type Reason = (Arrival & { kind: 'silence' })['reason']

describe('Troubles.hearSilence', () => {
  const hear = (reason: Reason, parts: Partial<Query> = {}) => {
    const { iteration, query, server, learnt, troubles } = world(parts)
    expect(troubles.hearSilence(iteration, query, reason)).to.equal('produce')
    const { retry, spent, silences } = iteration
    const isHopeless = iteration.tried.get(server.key) === MAX_TRIES_PER_ADDRESS
    return { retry: retry?.tcp, learnt, spent, silences, isHopeless, troubles: iteration.troubles }
  }

  it('notes a timeout, how long was waited, and tries whoever is next', () => {
    const { retry, learnt, silences, isHopeless } = hear('timeout')
    expect(learnt).to.deep.equal([{ kind: 'timeout', protocol: 'udp', waitedMs: 400 }])
    expect([retry, isHopeless]).to.deep.equal([undefined, false])
    expect(silences).to.have.length(1)
    expect(silences[0]).to.match(/^192\.0\.2\.5[34] timeout$/)
  })

  it('says nothing of a server that was given too little time', () =>
    expect(hear('timeout', { cutShort: true }).learnt).to.deep.equal([]))

  it('asks the same server over TCP where a forger may have been at work (RFC 5452)', () => {
    expect(hear('miscased')).to.deep.include({ retry: true, learnt: [{ kind: 'case-mismatch' }] })
    expect(hear('spoofed')).to.deep.include({ retry: true, learnt: [{ kind: 'bad-replies' }] })
    expect(hear('unproven')).to.deep.include({ retry: true, learnt: [] })
  })

  it('gives a server up that talks nonsense over a connection', () => {
    for (const reason of ['malformed', 'miscased', 'spoofed'] as const) {
      const heard = hear(reason, { protocol: 'tcp' })
      expect(heard).to.deep.include({ retry: undefined, isHopeless: true, learnt: [{ kind: 'lame' }], silences: [] })
      expect(heard.troubles).to.have.length(1)
    }
  })

  it('says why another query is needed', () => {
    const { iteration, query, troubles } = world()
    for (const reason of ['timeout', 'miscased', 'unproven'] as const) {
      troubles.hearSilence(iteration, query, reason)
      expect(iteration.setback).to.equal(reason)
    }
    troubles.hearTruncated(iteration, query)
    expect(iteration.setback).to.equal('truncated')
    for (const [plain, setback] of [
      [true, 'edns'],
      [false, 'rcode'],
    ] as const) {
      troubles.hearError(iteration, query, { kind: 'error', rcode: Rcode.FORMERR, plain } as Finding & {
        kind: 'error'
      })
      expect(iteration.setback).to.equal(setback)
    }
  })

  it('does not count a server to which there is no way', () => {
    expect(hear('unreachable').spent).to.equal(0)
    expect(hear('refused').spent).to.equal(1)
  })
})

describe('Troubles.hearLame', () => {
  const lame = (parts: Partial<Finding & { kind: 'lame' }> = {}) =>
    ({ kind: 'lame', reason: 'not authoritative', usable: true, ...parts }) as Finding & { kind: 'lame' }

  it('tries another server as long as there is one', () => {
    const { iteration, query, server, troubles, learnt } = world()
    const request = requestFor('www.example.org.')
    expect(troubles.hearLame(request, iteration, query, lame())).to.equal('produce')
    expect([iteration.lastResort, iteration.tried.get(server.key)]).to.deep.equal([false, MAX_TRIES_PER_ADDRESS])
    expect(learnt).to.deep.equal([{ kind: 'lame' }])
    expect(iteration.troubles).to.deep.equal([`${server.hostText} not authoritative`])
  })

  it('takes an answer without authority when all have been asked, if it is of use at all', () => {
    const { iteration, query, troubles } = world()
    const request = requestFor('www.example.org.')
    for (const { key } of iteration.candidates) iteration.tried.set(key, 1)
    expect(troubles.hearLame(request, iteration, query, lame({ usable: false }))).to.equal('produce')
    expect(troubles.hearLame(request, iteration, query, lame())).to.equal(undefined)
    expect(iteration.lastResort).to.equal(true)
  })

  it('does not, as long as more addresses are to be looked up', () => {
    const { iteration, query, troubles } = world()
    for (const { key } of iteration.candidates) iteration.tried.set(key, 1)
    iteration.lookups = [{ name: question('ns2.lab.').name, type: Type.A }]
    expect(troubles.hearLame(requestFor('www.example.org.'), iteration, query, lame())).to.equal('produce')
  })

  it('keeps the DNAME that its alias contradicts', () => {
    const { iteration, query, troubles } = world()
    const request = requestFor('www.example.org.')
    const [dname] = sets('example.org. DNAME example.net.')
    troubles.hearLame(request, iteration, query, lame({ dname }))
    expect(request.learned.map(({ rrset }) => rrset)).to.deep.equal([dname])
  })
})

describe('Troubles.hearError', () => {
  const error = (plain: boolean) => ({ kind: 'error', rcode: Rcode.FORMERR, plain }) as Finding & { kind: 'error' }

  it('asks again without EDNS a server that may not know it (RFC 6891 §7)', () => {
    const { iteration, query, server, learnt, troubles } = world()
    expect(troubles.hearError(iteration, query, error(true))).to.equal('produce')
    expect(learnt).to.deep.equal([{ kind: 'edns-refused' }])
    expect(iteration.retry).to.deep.equal({ server, tcp: false })
  })

  it('gives up one that has no such excuse', () => {
    const { iteration, query, server, learnt, troubles } = world()
    troubles.hearError(iteration, query, error(false))
    expect(learnt).to.deep.equal([{ kind: 'lame' }])
    expect([iteration.retry, iteration.troubles]).to.deep.equal([undefined, [`${server.hostText} FORMERR`]])
  })
})

describe('Troubles.hearTruncated (RFC 7766 §5)', () => {
  it('asks the same server over TCP, but only once', () => {
    const { iteration, query, server, troubles, learnt } = world()
    expect(troubles.hearTruncated(iteration, query)).to.equal('produce')
    expect([iteration.retry, learnt]).to.deep.equal([{ server, tcp: true }, []])
    const again = world({ protocol: 'tcp' })
    again.troubles.hearTruncated(again.iteration, again.query)
    expect([again.iteration.retry, again.learnt]).to.deep.equal([undefined, [{ kind: 'lame' }]])
  })
})
