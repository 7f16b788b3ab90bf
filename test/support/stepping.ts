/** A driver in a small world: layers that a test makes, and a network that answers when the test lets it. */

import { coreCounters } from '../../src/driver/counters.ts'
import { Hooks } from '../../src/driver/hooks.ts'
import { Pursuit, type Runner } from '../../src/driver/pursuit.ts'
import { Stepper } from '../../src/driver/stepper.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { Ledger, type Limits } from '../../src/ledger.ts'
import { type Arrival, type Layer, type Query, Request } from '../../src/request.ts'
import { defaultSettings, type Settings } from '../../src/settings.ts'
import type { ExchangeCounters, Listener } from '../../src/upstream/exchange.ts'
import { nameToText, ROOT } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { ManualClock } from './clock.ts'
import { question, reply } from './messages.ts'

const WISHES = { rd: true, cd: false, ad: false, do: false }
const SERVER = new ServerAddress(Uint8Array.of(192, 0, 2, 53))

/** A request for `name`, with a ledger of its own. */
export function requestFor(name: string, limits: Partial<Limits> = {}, origin: { parent?: Request } = {}): Request {
  const ledger = new Ledger({ ...defaultSettings.limits, ...limits }, 'enforce', 0)
  return new Request(question(name), WISHES, origin.parent?.ledger ?? ledger, origin)
}

/** For what is never to be run. */
export const STILL: Runner = { run: () => {}, hear: () => {} }

/** That of requestFor(), of which nothing is ever run. */
export function pursuitOf(name: string, parent?: Pursuit): Pursuit {
  const request = requestFor(name, {}, parent === undefined ? {} : { parent: parent.request })
  const pursuit = new Pursuit(STILL, request, parent, () => {})
  if (parent !== undefined) (parent.subs ??= new Map()).set(name, pursuit)
  return pursuit
}

export class ScriptedNetwork {
  /** The names asked for. */
  readonly asked: string[] = []
  readonly #waiting = new Set<{ query: Query; listener: Listener }>()

  ask(query: Query, _timeoutMs: number, listener: Listener) {
    const entry = { query, listener }
    this.asked.push(nameToText(query.qname))
    this.#waiting.add(entry)
    return { query, exchange: { cancel: () => void this.#waiting.delete(entry) } }
  }

  /** Queries on their way. */
  get underWay(): number {
    return this.#waiting.size
  }

  /** Everybody who waits now hears this, or else an address. */
  answer(arrival?: Arrival, octets = 100): void {
    for (const entry of [...this.#waiting]) {
      const { query, listener } = entry
      if (this.#waiting.delete(entry)) listener.hear(arrival ?? addressFor(query), octets)
    }
  }
}

function addressFor({ qname, qtype }: Query): Arrival {
  const answer = `${nameToText(qname)} A 192.0.2.1`
  return { kind: 'reply', reply: reply(question(nameToText(qname), qtype), { answer }), rttMs: 1 }
}

export const TIMEOUT: Arrival = { kind: 'silence', reason: 'timeout' }

/** The innermost layer: asks one server, takes its word for it, and asks again when there is none. */
export const asker: Layer = {
  name: 'asker',
  produce(request) {
    request.query = {
      qname: request.sname,
      qtype: request.qtype,
      server: SERVER,
      protocol: 'udp',
      timeoutMs: 400,
      edns: true,
      mixCase: false,
      zoneCut: ROOT,
      minimised: false,
    }
    return 'consume'
  },
  consume(request, _query, arrival) {
    if (arrival.kind === 'silence') return 'produce'
    request.answer.push(...arrival.reply.answer)
    return 'done'
  },
}

/** A layer that asks for `key` in a sub-request of its own before it lets anything else be asked for. */
export function needing(key: string): Layer {
  return {
    name: 'needing',
    produce(request) {
      if (request.parent !== undefined) return 'pass'
      return request.need(question(key).name, Type.A) === undefined ? 'wait' : 'pass'
    },
  }
}

/** `layers` stand before the asker, from the client's side to the network's. */
export function stepping(layers: Layer[] = [], settings: Partial<Settings> = {}) {
  const clock = new ManualClock()
  const counters = coreCounters({} as ExchangeCounters)
  const network = new ScriptedNetwork()
  const faults: unknown[] = []
  const ended: Request[] = []
  const stepper = new Stepper({
    hooks: new Hooks([...layers, asker]),
    exchanges: network,
    clock,
    settings: { ...defaultSettings, ...settings },
    counters,
    onFault: (error) => faults.push((error as Error).message),
  })
  const begin = (request: Request) => stepper.begin(request, () => ended.push(request))
  /** Begins a request of a client. */
  const ask = (name: string, limits: Partial<Limits> = {}) => {
    const request = requestFor(name, limits)
    begin(request)
    return request
  }
  return { clock, counters, network, faults, ended, stepper, ask, begin }
}
