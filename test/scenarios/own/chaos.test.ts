/** Servers that do anything at all, by the throw of dice: whatever they do, each client gets one answer, in time, within
 *  the budget, and nothing breaks. A failing seed can be played again alone: `CHAOS_SEED=17 npx mocha …`. */

import { expect } from 'chai'
import { DEFAULT_LIMITS } from '../../../src/ledger.ts'
import { nameToText } from '../../../src/wire/name.ts'
import { Flag, Rcode } from '../../../src/wire/types.ts'
import { SeededRandom } from '../../support/random.ts'
import type { ScriptMessage } from '../message.ts'
import { authority, type ReplyParts, ROOT_ADDRESS, reply, type Server, Story } from './story.ts'

const WORLDS = 300
const QUESTIONS = 8
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
const ZONES = ['org.', 'example.org.', 'a.example.org.', 'net.', 'sub.net.']
const HOSTS = ['www', 'ns', 'a.b.c', '_tcp', '*', 'x'.repeat(63)]
const TYPES = ['A', 'AAAA', 'NS', 'SOA', 'DS', 'CNAME', 'DNAME', 'TXT', 'RRSIG']
const TTLS = [0, 1, 60, 86_400, 2 ** 31, 2 ** 32 - 1]

class Dice {
  readonly random: SeededRandom

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  pick<T>(items: readonly T[]): T {
    return this.random.pick(items)
  }

  name(): string {
    return this.random.below(4) === 0 ? this.pick(ZONES) : `${this.pick(HOSTS)}.${this.pick(ZONES)}`
  }

  record(owner = this.name()): string {
    const ttl = this.pick(TTLS)
    switch (this.random.below(8)) {
      case 0:
        return `${owner} ${ttl} CNAME ${this.name()}`
      case 1:
        return `${owner} ${ttl} DNAME ${this.name()}`
      case 2:
        return `${owner} ${ttl} NS ${this.name()}`
      case 3:
        return `${owner} ${ttl} SOA ${this.name()} ${this.name()} 1 2 3 4 ${this.pick(TTLS)}`
      case 4:
        return `${owner} ${ttl} AAAA 2001:db8::${this.random.below(9)}`
      case 5:
        return `${owner} ${ttl} TXT "${'x'.repeat(this.random.below(255))}"`
      default:
        return `${owner} ${ttl} A ${this.pick([...ADDRESSES, '192.0.2.99', '127.0.0.1'])}`
    }
  }

  records(query: ScriptMessage): string[] {
    const asked = nameToText(query.question!.name)
    return Array.from({ length: this.random.below(5) }, () =>
      this.record(this.random.below(2) === 0 ? asked : undefined),
    )
  }

  parts(query: ScriptMessage): ReplyParts {
    return {
      aa: this.random.below(2) === 0,
      tc: this.random.below(10) === 0,
      ra: this.random.below(5) === 0,
      rcode: this.pick([
        Rcode.NOERROR,
        Rcode.NOERROR,
        Rcode.NXDOMAIN,
        Rcode.SERVFAIL,
        Rcode.REFUSED,
        Rcode.YXDOMAIN,
        Rcode.BADVERS,
      ]),
      answer: this.records(query),
      authority: this.records(query),
      additional: this.records(query),
      edns: this.random.below(8) > 0,
    }
  }

  damage(packet: Uint8Array): Uint8Array {
    const damaged = packet.slice(0, this.random.below(6) === 0 ? this.random.below(packet.length) : packet.length)
    for (let i = this.random.below(4); i > 0 && damaged.length > 2; i--)
      damaged[2 + this.random.below(damaged.length - 2)] = this.random.below(256)
    return damaged
  }
}

function wildServer(dice: Dice): Server {
  const sound = authority({
    'org.': '@ NS ns\nns A 192.0.2.1\nexample NS ns.example\nns.example A 192.0.2.2',
    'example.org.': '@ NS ns\nns A 192.0.2.2\nwww A 203.0.113.1\na NS ns.sub.net.',
    'a.example.org.': '@ NS ns.sub.net.\nwww A 203.0.113.2\na.b.c CNAME www',
    'net.': '@ NS ns\nns A 192.0.2.3\nsub NS ns.sub\nns.sub A 192.0.2.4',
    'sub.net.': '@ NS ns\nns A 192.0.2.4\nwww CNAME www.example.org.',
  })
  return (incoming) => {
    const { query } = incoming
    const delayMs = dice.random.below(5) === 0 ? dice.random.below(3000) : undefined
    switch (dice.random.below(10)) {
      case 0:
        return { packets: [] }
      case 1:
        return { failure: dice.pick(['refused', 'unreachable', 'closed', 'no-socket'] as const), delayMs }
      case 2:
      case 3:
        return { packets: [reply(query, dice.parts(query))], delayMs }
      case 4:
        return { packets: Array.from({ length: 15 }, () => dice.damage(reply(query, dice.parts(query)))), delayMs }
      case 5: {
        const many = Array.from(
          { length: 400 },
          (_, i) => `${nameToText(query.question!.name)} A 10.0.${i >> 8}.${i & 255}`,
        )
        return { packets: [reply(query, { answer: many })], delayMs }
      }
      default:
        return sound(incoming)
    }
  }
}

interface Run {
  asked: string[]
  answers: number[]
}

function play(seed: number): Run {
  const dice = new Dice(seed)
  const servers = Object.fromEntries([ROOT_ADDRESS, ...ADDRESSES].map((address) => [address, wildServer(dice)]))
  if (dice.random.below(2) === 0)
    servers[ROOT_ADDRESS] = authority({
      '.': 'org. NS ns.org.\nns.org. A 192.0.2.1\nnet. NS ns.net.\nns.net. A 192.0.2.3',
    })
  const story = new Story(servers, { seed, settings: { minimise: dice.random.below(2) === 0 } })
  const answers: number[] = []
  for (let i = 0; i < QUESTIONS; i++) {
    const flags = Flag.RD | dice.pick([0, Flag.CD, Flag.AD])
    const beforeMs = story.clock.monotonicMs()
    const beforeAsked = story.asked.length
    // Some arrive at once, and some twice.
    const waiting = Array.from({ length: 1 + dice.random.below(2) }, () =>
      story.send(dice.name(), dice.pick(TYPES), flags),
    )
    story.settle()
    for (const received of waiting) {
      expect(received, 'one answer to each').to.have.length(1)
      answers.push(received[0].rcode)
    }
    expect(story.faults, 'no mistake of ours').to.deep.equal([])
    expect(story.core.inFlight).to.equal(0)
    expect(story.clock.monotonicMs() - beforeMs, 'milliseconds').to.be.at.most(DEFAULT_LIMITS.time + 1)
    expect(story.asked.length - beforeAsked, 'queries').to.be.at.most(
      waiting.length * DEFAULT_LIMITS['upstream-queries'],
    )
    story.elapse(dice.random.below(120))
  }
  return { asked: story.asked, answers }
}

describe('chaos', () => {
  const { CHAOS_SEED } = process.env
  if (CHAOS_SEED !== undefined) {
    it(`seed ${CHAOS_SEED}`, () => {
      play(Number(CHAOS_SEED))
    })
    return
  }

  it(`${WORLDS} worlds of wild servers: one answer each, in time, within budget`, () => {
    const rcodes = new Set<number>()
    for (let seed = 1; seed <= WORLDS; seed++) {
      try {
        for (const rcode of play(seed).answers) rcodes.add(rcode)
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error })
      }
    }
    expect([...rcodes], 'the dice bring all sorts of outcomes').to.include.members([
      Rcode.NOERROR,
      Rcode.NXDOMAIN,
      Rcode.SERVFAIL,
    ])
  }).timeout(60_000)

  it('is the same chaos when the seed is the same', () => {
    for (const seed of [3, 14, 15]) expect(play(seed)).to.deep.equal(play(seed))
  })
})
