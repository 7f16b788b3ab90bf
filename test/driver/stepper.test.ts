import { expect } from 'chai'
import { Ledger } from '../../src/ledger.ts'
import { type Layer, Request, type Step } from '../../src/request.ts'
import { defaultSettings } from '../../src/settings.ts'
import { nameToText } from '../../src/wire/name.ts'
import { Ede, Rcode, Type } from '../../src/wire/types.ts'
import { question, sets } from '../support/messages.ts'
import { needing, requestFor, stepping, TIMEOUT } from '../support/stepping.ts'

const texts = (request: Request) => request.edes.map((note) => note.text)
const addresses = (request: Request) => request.answer.flatMap((set) => set.rdatas.map((rdata) => rdata.join('.')))

describe('Stepper: the way of a request', () => {
  /** Writes down which hook of which layer is called. */
  const spy = (name: string, calls: string[], replies: Partial<Record<string, Step[]>> = {}): Layer => {
    const hook = (what: string) => () => {
      calls.push(`${what} ${name}`)
      return replies[what]?.shift() ?? 'pass'
    }
    return {
      name,
      begin: hook('begin'),
      produce: hook('produce'),
      checkout: hook('checkout'),
      consume: hook('consume'),
      answer: hook('answer'),
      finish: hook('finish'),
    }
  }

  it('leads down the list on the way out, and up on the way back', () => {
    const calls: string[] = []
    const { network, ended, ask } = stepping([spy('outer', calls), spy('inner', calls)])
    ask('www.example.org.')
    const down = ['begin', 'produce', 'checkout'].flatMap((what) => [`${what} outer`, `${what} inner`])
    expect(calls).to.deep.equal(down)
    network.answer()
    const up = ['consume', 'answer', 'finish'].flatMap((what) => [`${what} inner`, `${what} outer`])
    expect(calls).to.deep.equal([...down, ...up])
    expect(ended.map(addresses)).to.deep.equal([['192.0.2.1']])
  })

  it('is short where a layer has the answer at once', () => {
    const calls: string[] = []
    const layers = [spy('outer', calls, { begin: ['done'] }), spy('inner', calls)]
    const { network, ended, ask } = stepping(layers)
    ask('www.example.org.')
    expect(network.asked).to.deep.equal([])
    expect(ended).to.have.length(1)
    expect(calls).to.deep.equal(['begin outer', 'answer inner', 'answer outer', 'finish inner', 'finish outer'])
  })

  it('ends with SERVFAIL where a layer says so', () => {
    for (const hook of ['begin', 'produce', 'checkout', 'consume', 'answer']) {
      const { network, counters, ended, ask } = stepping([spy('layer', [], { [hook]: ['fail'] })])
      ask('www.example.org.')
      network.answer()
      expect(ended.map(({ rcode, answer }) => [rcode, answer.length])).to.deep.equal([[Rcode.SERVFAIL, 0]])
      expect(counters.failures).to.equal(hook === 'answer' ? 0 : 1)
    }
  })

  it('goes out again when no reply came, or another server is to be asked', () => {
    const calls: string[] = []
    const { network, ended, ask } = stepping([spy('layer', calls, { checkout: ['produce'] })])
    ask('www.example.org.')
    expect(calls.filter((call) => call === 'produce layer')).to.have.length(2)
    network.answer(TIMEOUT)
    expect(network.asked).to.have.length(2)
    network.answer()
    expect(ended).to.have.length(1)
  })

  it('goes by the last word on a reply, but for fail, which counts at once', () => {
    const again = stepping([spy('layer', [], { consume: ['produce'] })])
    again.ask('www.example.org.')
    again.network.answer()
    expect(again.ended).to.deep.equal([])
    expect(again.network.asked).to.have.length(2)
    const calls: string[] = []
    const failing = stepping([spy('outer', calls), spy('inner', calls, { consume: ['fail'] })])
    failing.ask('www.example.org.')
    failing.network.answer()
    expect(calls).to.include('consume inner').and.not.to.include('consume outer')
  })

  it('comes back to the hook that waited, when what it held is let go', () => {
    const calls: string[] = []
    let release = () => {}
    const holding: Layer = {
      name: 'holding',
      begin(request) {
        calls.push('begin holding')
        if (calls.length > 3) return 'pass'
        release = request.hold()
        return 'wait'
      },
    }
    const { stepper, ended, ask, network } = stepping([spy('outer', calls), holding, spy('inner', calls)])
    ask('www.example.org.')
    release()
    expect(calls).to.deep.equal(['begin outer', 'begin holding', 'begin holding'])
    release()
    expect(calls.slice(3)).to.deep.equal(
      ['begin holding', 'begin inner', 'produce outer', 'produce inner'].concat('checkout outer', 'checkout inner'),
    )
    network.answer()
    expect([ended.length, stepper.inFlight]).to.deep.equal([1, 0])
  })

  it('is gone on with when what it waits for comes while the hook still runs', () => {
    let asked = 0
    const hasty: Layer = {
      name: 'hasty',
      answer(request) {
        if (asked++ > 0) return 'pass'
        const hold = request.hold()
        request.hold() // something else is still to come
        hold()
        return 'wait'
      },
    }
    const { ask, network, ended } = stepping([hasty])
    ask('www.example.org.')
    network.answer()
    expect([asked, ended.length]).to.deep.equal([2, 1])
  })

  it('lets others have their turn, and comes back to the same hook', () => {
    const calls: string[] = []
    const { clock, counters, ended, network, ask } = stepping([
      spy('outer', calls),
      spy('inner', calls, { consume: ['pause'] }),
    ])
    ask('www.example.org.')
    network.answer()
    expect(ended).to.deep.equal([])
    clock.advance(0)
    expect(calls.filter((call) => call.startsWith('consume'))).to.deep.equal([
      'consume inner',
      'consume inner',
      'consume outer',
    ])
    expect([counters.pauses, ended.length]).to.deep.equal([1, 1])
  })

  it('is told to who wants to read it', () => {
    const { network, begin } = stepping()
    const steps: string[] = []
    const { question, wishes, ledger } = requestFor('www.example.org.')
    begin(new Request(question, wishes, ledger, { trace: (step) => steps.push(step.kind) }))
    network.answer(TIMEOUT)
    network.answer()
    expect(steps).to.deep.equal(['query', 'arrival', 'query', 'answer']) // replies are told by who reads them
  })
})

describe('Stepper: mistakes of ours', () => {
  it('cost the request, and nobody else', () => {
    const hooks = ['begin', 'produce', 'checkout', 'consume', 'answer'] as const
    for (const hook of hooks) {
      const faulty: Layer = {
        name: 'faulty',
        [hook](request: Request) {
          if (nameToText(request.qname) === 'boom.') throw new Error(`in ${hook}`)
          return 'pass'
        },
      }
      const { network, faults, ended, ask } = stepping([faulty])
      ask('boom.')
      ask('www.example.org.')
      network.answer()
      expect(faults).to.deep.equal([`in ${hook}`])
      const rcodes = ended.map((request) => [nameToText(request.qname), request.rcode])
      expect(rcodes).to.have.deep.members([
        ['boom.', Rcode.SERVFAIL],
        ['www.example.org.', Rcode.NOERROR],
      ])
    }
  })

  it('do not keep a request from ending', () => {
    const faulty: Layer = {
      name: 'faulty',
      finish() {
        throw new Error('in finish')
      },
    }
    const { network, faults, stepper } = stepping([faulty])
    let idle = 0
    stepper.onIdle = () => idle++
    stepper.begin(requestFor('www.example.org.'), () => {
      throw new Error('in onEnd')
    })
    network.answer()
    expect(faults).to.deep.equal(['in finish', 'in onEnd'])
    expect([stepper.inFlight, idle]).to.deep.equal([0, 1])
  })

  it('are found: steps without end, and a wait for nothing', () => {
    for (const [step, fault] of [
      ['produce', 'a request does not come to an end'],
      ['wait', 'waiting for nothing'],
    ] as const) {
      const { faults, ended, ask } = stepping([{ name: 'faulty', produce: () => step }])
      ask('www.example.org.')
      expect(faults[0]).to.equal(fault)
      expect(ended[0].rcode).to.equal(Rcode.SERVFAIL)
    }
  })
})

describe('Stepper: sub-requests', () => {
  it('run through the same layers, and their outcome is there when the hook is called again', () => {
    const { network, counters, ended, ask } = stepping([needing('key.')])
    const request = ask('www.example.org.')
    expect(network.asked).to.deep.equal(['key.'])
    network.answer()
    expect(network.asked).to.deep.equal(['key.', 'www.example.org.'])
    expect(request.finding(question('key.').name, Type.A)?.answer).to.have.length(1)
    network.answer()
    expect(ended).to.deep.equal([request])
    expect(counters.subRequests).to.equal(1)
  })

  it('spend the budget of the request they serve', () => {
    const { network, ended, ask } = stepping([needing('key.')])
    const request = ask('www.example.org.', { 'upstream-queries': 1 })
    network.answer()
    expect(network.asked).to.deep.equal(['key.'])
    expect(request.ledger.used('upstream-queries')).to.equal(2)
    expect(ended.map(texts)).to.deep.equal([['limit on upstream-queries reached']])
  })

  it('do not go deeper than the budget allows', () => {
    const deeper: Layer = {
      name: 'deeper',
      produce(request) {
        const { name } = question(`d${request.depth + 1}.`)
        return request.need(name, Type.A) === undefined ? 'wait' : 'pass'
      },
    }
    const { network, counters, ask } = stepping([deeper])
    const request = ask('www.example.org.', { depth: 3 })
    expect(counters.subRequests).to.equal(4) // the fourth is not pursued
    expect(request.ledger.exceeded).to.equal('depth')
    expect(network.asked).to.deep.equal(['d3.'])
  })

  it('for the very question that waits for them fail', () => {
    const { ended, ask, counters } = stepping([
      {
        name: 'circular',
        produce(request) {
          const finding = request.need(request.qname, request.qtype)
          if (finding === undefined) return 'wait'
          return request.failWith(finding.edes[0].code, finding.edes[0].text)
        },
      },
    ])
    ask('www.example.org.')
    expect(ended.map(({ rcode }) => rcode)).to.deep.equal([Rcode.SERVFAIL])
    expect(ended.map(texts)).to.deep.equal([['www.example.org. A depends on itself']])
    expect(counters.loops).to.equal(1)
  })

  it('that end after the request wake nobody', () => {
    const { clock, network, ended, ask, faults } = stepping([needing('key.')])
    ask('www.example.org.', { time: 100 })
    clock.advance(100)
    expect(ended).to.have.length(1)
    network.answer()
    expect([network.asked, faults]).to.deep.equal([['key.'], []])
  })
})

describe('Stepper: identical questions', () => {
  it('are asked once; each gets the outcome, and what is made of it for its own client', () => {
    let made = 0
    const { network, ended, ask, counters } = stepping([
      {
        name: 'own',
        answer(request) {
          request.additional = sets(`own${made++}. A 192.0.2.2`)
          return 'pass'
        },
      },
    ])
    for (const name of ['www.example.org.', 'WWW.example.org.', 'www.example.org.']) ask(name)
    expect(network.asked).to.have.length(1)
    network.answer()
    expect(ended.map(addresses)).to.deep.equal([['192.0.2.1'], ['192.0.2.1'], ['192.0.2.1']])
    expect(new Set(ended.map(({ additional }) => nameToText(additional[0].owner))).size).to.equal(3)
    expect(counters.joined).to.equal(2)
  })

  it('are asked again where only the budget of another request ran out', () => {
    const { network, ended, ask } = stepping([needing('key.')])
    const poor = ask('www.example.org.', { received: 10 }) // its sub-request leads for `key.`
    const other = ask('key.')
    expect(network.asked).to.deep.equal(['key.'])
    network.answer()
    expect(network.asked).to.deep.equal(['key.', 'key.', 'www.example.org.'])
    network.answer()
    expect(ended).to.have.members([poor, other])
    expect([poor, other].map(({ rcode }) => rcode)).to.deep.equal([Rcode.SERVFAIL, Rcode.NOERROR])
  })
})

describe('Stepper: budget and time', () => {
  it('ends every request in time, whatever it waits for, and leaves nothing behind', () => {
    const { clock, network, ended, ask, stepper } = stepping()
    ask('www.example.org.', { time: 7000 })
    ask('www.example.org.', { time: 7000 })
    clock.advance(6999)
    expect(ended).to.deep.equal([])
    clock.advance(1)
    expect(ended.map(texts)).to.deep.equal([['limit on time reached'], ['limit on time reached']])
    expect([stepper.inFlight, clock.pending, network.underWay]).to.deep.equal([0, 0, 0])
  })

  it('counts what is received', () => {
    const { network, ended, ask } = stepping()
    ask('www.example.org.', { received: 300 })
    network.answer(TIMEOUT, 200)
    network.answer(undefined, 200)
    expect(ended.map(texts)).to.deep.equal([['limit on received reached']])
  })

  it('only says what goes over the budget where it is not enforced', () => {
    const exceeded: string[] = []
    const { network, ended, begin } = stepping()
    const limits = { ...defaultSettings.limits, 'upstream-queries': 0 }
    const ledger = new Ledger(limits, 'shadow', 0, (resource) => exceeded.push(resource))
    const { question, wishes } = requestFor('www.example.org.')
    begin(new Request(question, wishes, ledger))
    network.answer()
    expect(ended[0].rcode).to.equal(Rcode.NOERROR)
    expect(exceeded).to.deep.equal(['upstream-queries'])
  })

  it('lets a query wait no longer than its request can', () => {
    const { ask } = stepping()
    const request = ask('www.example.org.', { time: 150 })
    expect(request.query?.cutShort).to.equal(true)
    expect(ask('mail.example.org.').query?.cutShort).to.equal(false)
  })
})

describe('Stepper: old answers (RFC 8767 §5)', () => {
  const serveStale = { clientTimeoutMs: 1800, maxAgeMs: 86_400_000, replyTtl: 30 }
  /** Remembers an old answer for all names but those at and below `new.`. */
  const memory: Layer = {
    name: 'memory',
    rescue(request) {
      if (nameToText(request.qname).endsWith('new.')) return 'pass'
      request.rcode = Rcode.NOERROR
      request.answer = sets('old. A 192.0.2.99')
      request.source = 'stale'
      return 'done'
    },
  }

  it('are given when the client has waited long enough, while the search goes on', () => {
    const { clock, network, ended, stepper, ask } = stepping([memory], { serveStale })
    ask('www.example.org.')
    clock.advance(1799)
    expect(ended).to.deep.equal([])
    clock.advance(1)
    // That is another request, with the end of the first.
    expect([ended.length, stepper.inFlight, network.underWay]).to.deep.equal([1, 0, 1])
    network.answer()
    expect([ended.length, stepper.inFlight]).to.deep.equal([1, 0])
  })

  it('are given at once to those who ask while such a search goes on, and to those who wait for it', () => {
    const { clock, network, ended, ask } = stepping([memory], { serveStale })
    ask('www.example.org.')
    const second = ask('www.example.org.')
    clock.advance(1800)
    expect([ended.length, addresses(second)]).to.deep.equal([2, ['192.0.2.99']])
    const third = ask('www.example.org.')
    expect([ended.length, addresses(third)]).to.deep.equal([3, ['192.0.2.99']])
    expect(network.asked).to.have.length(1)
  })

  it('are given in place of a failure', () => {
    const { ended, ask } = stepping([memory, { name: 'failing', produce: () => 'fail' }], { serveStale })
    ask('www.example.org.')
    ask('www.new.')
    expect(ended.map(({ rcode, source }) => [rcode, source])).to.deep.equal([
      [Rcode.NOERROR, 'stale'],
      [Rcode.SERVFAIL, 'failure'],
    ])
  })

  it('are given to clients only, and only where that is switched on', () => {
    const failing: Layer = { name: 'failing', produce: () => 'fail' }
    const off = stepping([memory, failing])
    off.ask('www.example.org.')
    expect(off.ended[0].rcode).to.equal(Rcode.SERVFAIL)
    const on = stepping([memory, failing], { serveStale })
    const { question, wishes, ledger } = requestFor('www.example.org.')
    on.begin(new Request(question, wishes, ledger, { refresh: true }))
    expect(on.ended[0].rcode).to.equal(Rcode.SERVFAIL)
  })
})

describe('Stepper.close', () => {
  it('ends what is under way, sub-requests included, and says why', () => {
    const { clock, network, stepper, ended, ask } = stepping([needing('key.')])
    ask('www.example.org.')
    ask('mail.example.org.')
    stepper.close()
    expect(ended.map(({ rcode, edes }) => [rcode, edes[0].code])).to.deep.equal([
      [Rcode.SERVFAIL, Ede.NOT_READY],
      [Rcode.SERVFAIL, Ede.NOT_READY],
    ])
    expect([stepper.inFlight, network.underWay, clock.pending]).to.deep.equal([0, 0, 0])
  })

  it('leaves what layers know by themselves to be answered', () => {
    const { network, stepper, ended, ask } = stepping([
      { name: 'local', begin: (request) => (nameToText(request.qname) === 'here.' ? 'done' : 'pass') },
    ])
    stepper.close()
    ask('here.')
    ask('elsewhere.')
    expect(ended.map(({ rcode }) => rcode)).to.deep.equal([Rcode.NOERROR, Rcode.SERVFAIL])
    expect(network.asked).to.deep.equal([])
  })
})
