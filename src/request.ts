/** One question being pursued, a client's or one of our own on its behalf, and the hooks through which layers and
 *  modules work on it. Data only: src/driver decides when a hook is called, the layers decide what happens. */

import type { Delegation } from './cache/cache.ts'
import { type Rank, type Security, weakerSecurity } from './cache/rank.ts'
import type { BogusReason } from './dnssec/verdict.ts'
import type { ServerAddress } from './io/address.ts'
import type { Exchange, Protocol } from './io/interfaces.ts'
import type { Ledger } from './ledger.ts'
import type { ForwardRule } from './settings.ts'
import type { Tries } from './upstream/tries.ts'
import type { Edns, EdnsOptionValue, Question, Reply } from './wire/message.ts'
import { equalNames, type Name, nameKey } from './wire/name.ts'
import type { RRset } from './wire/rrset.ts'
import { type Ede, Rcode } from './wire/types.ts'

/** What a hook tells the driver.
 *  - `pass`: nothing to say, ask the next layer
 *  - `produce`: (again) find out what to do next for `sname`
 *  - `consume`: `request.query` is ready, send it and consume the reply
 *  - `wait`: until one of the sub-requests asked for by need() has ended, or what hold() gave is called; then call the
 *    same hook again
 *  - `pause`: while replies are consumed only; let others have their turn, then call the same hook again
 *  - `done`: the answer stands in the request;   `fail`: SERVFAIL, `request.edes` says why */
export type Step = 'pass' | 'produce' | 'consume' | 'wait' | 'pause' | 'done' | 'fail'

/** The hooks. All may be left out. Layers and modules stand in one list, from the client's side to the network's:
 *  begin, produce and checkout go down the list, consume, answer and finish come up. */
export interface Layer {
  readonly name: string
  /** It has something to say or to count where an answer is ready in the worker: such answers take the full way, too. */
  readonly seesCached?: boolean
  /** Called once, when the driver is ready. */
  attach?(driver: Driver): void
  /** The request is new. `done` answers it without resolving. */
  begin?(request: Request): Step
  /** What next for `request.sname`? Called for each name of a chain of aliases, and again after each reply that did not end
   *  the search. The first step other than `pass` counts. */
  produce?(request: Request): Step
  /** `query` is about to leave. `produce` chooses another server instead. */
  checkout?(request: Request, query: Query): Step
  /** A reply, or the news that none came. Every layer hears of it; the last step other than `pass` counts, except that
   *  `wait`, `pause` and `fail` count at once. */
  consume?(request: Request, query: Query, arrival: Arrival): Step
  /** The answer is about to be given to a client; it may still be changed, and `wait` be said. `fail` turns it into
   *  SERVFAIL. RRsets may be those of other requests: replace them, never write into them. */
  answer?(request: Request): Step
  /** A client's request failed (SERVFAIL), or takes too long: `done` if there is an old answer that is better than none.
   *  It is asked on a request that has nothing else in it. */
  rescue?(request: Request): Step
  /** The request has ended; only for looking. */
  finish?(request: Request): void
}

/** What the driver does for a layer beside the requests of clients. */
export interface Driver {
  /** Sends one query to one server; `onArrival` hears once what came of it, never before this returns. */
  ask(query: Query, onArrival: (arrival: Arrival) => void): Exchange
  /** Resolves a question of our own, with a budget of its own, through all layers; `onEnd` is called exactly once. */
  resolve(name: Name, type: number, onEnd: (request: Request) => void): void
  /** The same soon, past what the cache knows of the question, for the cache to know better. */
  refresh?(name: Name, type: number): void
}

/** A query for a server: what is asked, whom, and how. */
export interface Query {
  qname: Name
  qtype: number
  server: ServerAddress
  protocol: Protocol
  timeoutMs: number
  edns: boolean
  mixCase: boolean
  /** The cut the asked server is responsible for; nothing it says about names outside counts (bailiwick). */
  zoneCut: Name
  /** The name was shortened for privacy, RFC 9156. */
  minimised: boolean
  /** The request has less time left than the server deserves: silence then says nothing about it. */
  cutShort?: boolean
  /** Sets RD: the server is a forwarder, which resolves for us. */
  recursionDesired?: boolean
  /** Sets CD: a forwarder is to hand over what it finds bogus, for us to judge (RFC 6840 §5.9). */
  checkingDisabled?: boolean
  /** EDNS options to send. */
  options?: readonly EdnsOptionValue[]
}

/** What came of a query. */
export type Arrival =
  | { kind: 'reply'; reply: Reply; rttMs: number }
  | {
      kind: 'silence'
      reason:
        | 'timeout'
        | 'refused'
        | 'unreachable'
        | 'closed'
        | 'no-socket'
        | 'untrusted'
        | 'spoofed'
        | 'miscased'
        | 'malformed'
        | 'unproven'
    }

/** An RRset that a reply taught us, with how far it can be trusted. */
export interface Learned {
  rrset: RRset
  rank: Rank
  security: Security
  /** For an answer made from a wildcard: that there was nothing closer. */
  proofs?: RRset[]
}

/** A proof of absence that a reply taught us. `owner` is the denied name. */
export interface LearnedDenial {
  kind: 'nodata' | 'nxdomain'
  owner: Name
  type: number
  authority: RRset[]
  ttl: number
  security: Security
}

/** Why something went wrong, for the client (RFC 8914), log and trace. */
export interface EdeNote {
  code: Ede
  text: string
}

/** What validation found wrong, and where. */
export interface BogusEvidence {
  /** What was asked for when it was found: the client's question, or one on the way to its answer. */
  qname: Name
  qtype: number
  /** The cut whose servers gave it. */
  zoneCut: Name
  server: string
  reason: BogusReason
  keyTag: number | undefined
  /** How far the clock is outside the signature's time. */
  offBySeconds: number | undefined
}

/** Who asked, as far as answering needs to know. */
export interface Client {
  overUdp: boolean
  /** 4 or 16 octets. */
  address?: Uint8Array
  port?: number
  /** The address of ours that was asked, where the listener knows it. */
  destination?: Uint8Array
}

/** What holds for a group of clients: which rules apply to them, and what is done otherwise for them than for others. */
export interface ClientView {
  /** The same for requests for which the same holds: only those may share an answer under way. */
  key: string
  tags: ReadonlySet<string>
  options: ViewOptions
}

/** Undefined: as for everybody. */
export interface ViewOptions {
  minimize?: boolean
  dns64?: boolean
  fallback?: boolean
  /** How much a query of these clients counts where rates are limited; 0: nothing. */
  priceFactor?: number
}

/** Flags and EDNS of the client's query. Sub-requests inherit `cd`. */
export interface Wishes {
  rd: boolean
  /** Checking disabled: the client validates by itself, RFC 4035 §3.2.2. */
  cd: boolean
  /** The client understands AD, RFC 6840 §5.7. */
  ad: boolean
  /** DNSSEC records wanted, RFC 3225. */
  do: boolean
}

export type Purpose = 'answer' | 'priming' | 'server-address' | 'proof'

/** `forward`: servers that the operator has named resolve for us; `fallback`: so do those that are asked when no others help. */
export type AnswerSource = 'cache' | 'stale' | 'recursion' | 'forward' | 'fallback' | 'local' | 'failure'

/** Why another query has to be sent. `edns`: it is sent without; `unproven`: no cookie where there should be one. */
export type Setback = (Arrival & { kind: 'silence' })['reason'] | 'truncated' | 'edns' | 'rcode' | 'lame' | 'bogus'

/** Where the iterator is: the zone cut, its servers, and what was tried there. */
export interface Iteration {
  cut: Delegation
  /** Addresses known by now, none twice. */
  candidates: readonly ServerAddress[]
  /** Addresses of servers still to be looked up, in the order to do it. */
  lookups: readonly { name: Name; type: number }[]
  /** How often each address was asked at this cut, by ServerAddress.key. */
  tried: Tries
  /** Queries that reached the network at this cut. */
  spent: number
  /** Labels of `sname` shown to this cut's servers so far. */
  revealed: number
  minimise: boolean
  /** The server that must be asked once more, over TCP if `tcp`: after truncation, EDNS or case trouble. */
  retry: { server: ServerAddress; tcp: boolean } | undefined
  /** The cut was remembered, not just learned: it may be out of date. */
  remembered: boolean
  /** The operator's rule that names the servers. */
  rule: ForwardRule | undefined
  /** Why the last query brought nothing to go on with, until the next one is sent. */
  setback: Setback | undefined
  /** All servers have been asked: answers without authority will do. */
  lastResort: boolean
  /** What the servers of this cut did wrong, for the final EDE. */
  troubles: string[]
  /** Servers that could not be heard at all, for the same. */
  silences: string[]
}

/** What happens to a request, step by step, for people to read. */
export type TraceStep =
  | { kind: 'cut'; depth: number; sname: Name; zoneCut: Name; servers: number }
  | { kind: 'query'; depth: number; query: Query }
  | { kind: 'arrival'; depth: number; query: Query; arrival: Arrival; finding: string }
  | { kind: 'lookup'; depth: number; name: Name; type: number }
  | { kind: 'alias'; depth: number; target: Name }
  | { kind: 'answer'; depth: number; request: Request }

export type Trace = (step: TraceStep) => void

let nextSerial = 1

export class Request {
  /** Tells requests apart in log and trace. */
  readonly serial = nextSerial++
  readonly question: Question
  readonly wishes: Wishes
  readonly ledger: Ledger
  readonly client: Client | undefined
  /** EDNS of the client's query. */
  readonly edns: Edns | undefined
  /** The request that needs this one's outcome; undefined for a client's. */
  readonly parent: Request | undefined
  readonly depth: number
  /** What holds for the client, once known. Sub-requests inherit it. */
  view: ClientView | undefined

  /** The name pursued now; moves along CNAME and DNAME. */
  sname: Name
  iteration: Iteration | undefined = undefined
  query: Query | undefined = undefined

  /** The answer so far. */
  rcode: Rcode = Rcode.NOERROR
  authoritative = false
  answer: RRset[] = []
  authority: RRset[] = []
  additional: RRset[] = []
  edes: EdeNote[] = []
  /** EDNS options for the client. */
  options: EdnsOptionValue[] = []
  /** TC towards a client that asked over UDP: it shall come again over TCP. */
  truncated = false
  /** The client gets no answer at all. */
  silent = false
  /** It is answered otherwise than somebody else of its view would be who asks the same: not out of an index of ready answers. */
  personal = false
  security: Security = 'indeterminate'
  /** Why validation failed, and how many replies it has rejected. */
  bogus: BogusEvidence | undefined = undefined
  bogusReplies = 0
  source: AnswerSource = 'recursion'
  /** Nobody waits for it: it goes on for the cache's sake. */
  background: boolean

  /** What the last reply taught, for the validator to judge and the cache to keep. */
  learned: Learned[] = []
  learnedDenial: LearnedDenial | undefined = undefined
  learnedDelegation: Delegation | undefined = undefined
  /** The NSEC and NSEC3 sets of the last reply that the keys of `zone` vouch for, and so its SOA, where it stood there. */
  learnedProofs: { zone: Name; sets: RRset[]; soa: RRset | undefined } | undefined = undefined
  /** Until when what was learned may be kept at most: the lease of the cut it came through, wall milliseconds. */
  learnedLeaseMs = Number.POSITIVE_INFINITY

  /** What the request was before the last arrival, for when a layer finds that it was not to be believed. */
  #before:
    | {
        answers: number
        sname: Name
        rcode: Rcode
        iteration: Iteration | undefined
        security: Security
        judged: boolean
      }
    | undefined
  #judged = false

  /** Ended sub-requests, by subKey(). */
  #findings: Map<string, Request> | undefined = undefined
  /** Sub-requests under way, by subKey(). */
  #pending: Set<string> | undefined = undefined
  /** Asked for by need(), not yet started. */
  #wanted: readonly Wanted[] = NONE_WANTED
  /** Calls of hold() not released yet. */
  #holds = 0
  /** Set by the driver, which steps the request on. */
  stepper: { wake(): void } | undefined = undefined
  /** Why it is asked, when not for its own sake: `priming` is about the root's servers and goes to the hints
   *  (RFC 9609); `server-address` will do with glue and needs no validation; `proof` is a link of a chain of trust. */
  readonly purpose: Purpose
  /** Times that it was found to depend on itself. */
  loops = 0
  /** Queries spent on minimised names, RFC 9156 §2.3. */
  minimisedQueries = 0
  readonly trace: Trace | undefined
  /** Data that nobody has validated will not do. */
  readonly mustValidate: boolean
  /** What the cache knows of the question does not count: it is to know better. */
  readonly refresh: boolean

  constructor(
    question: Question,
    wishes: Wishes,
    ledger: Ledger,
    origin: {
      client?: Client
      edns?: Edns
      parent?: Request
      purpose?: Purpose
      trace?: Trace
      refresh?: boolean
    } = {},
    mustValidate = false,
  ) {
    this.question = question
    this.wishes = wishes
    this.ledger = ledger
    this.client = origin.client
    this.edns = origin.edns
    this.view = origin.parent?.view
    this.parent = origin.parent
    this.purpose = origin.purpose ?? 'answer'
    this.trace = origin.trace ?? origin.parent?.trace
    // A chain of trust is as long as names are; what could go in circles is the search for servers.
    this.depth = origin.parent === undefined ? 0 : origin.parent.depth + (this.purpose === 'proof' ? 0 : 1)
    this.mustValidate = mustValidate
    this.refresh = origin.refresh ?? false
    this.background = this.refresh
    this.sname = question.name
  }

  /** Whether what this one finds is what `other` looks for. */
  isFor(other: Request): boolean {
    const { type, class: qclass, name } = this.question
    return (
      type === other.question.type &&
      qclass === other.question.class &&
      this.wishes.cd === other.wishes.cd &&
      this.purpose === other.purpose &&
      this.view?.key === other.view?.key &&
      equalNames(name, other.question.name)
    )
  }

  get qname(): Name {
    return this.question.name
  }

  get qtype(): number {
    return this.question.type
  }

  /** The ended sub-request for this question; or undefined, and it will be started when the hook answers `wait`. */
  need(name: Name, type: number, purpose: Purpose = 'answer'): Request | undefined {
    const key = subKey(name, type)
    const finding = this.#findings?.get(key)
    if (finding === undefined && !this.#pending?.has(key) && !this.#wanted.some((wanted) => wanted.key === key))
      this.#wanted = [...this.#wanted, { key, name, type, purpose }]
    return finding
  }

  /** The ended sub-request for this question, if there is one. Starts nothing. */
  finding(name: Name, type: number): Request | undefined {
    return this.#findings?.get(subKey(name, type))
  }

  /** What need() asked for since it was last taken. */
  takeWanted(): readonly Wanted[] {
    const wanted = this.#wanted
    this.#wanted = NONE_WANTED
    return wanted
  }

  /** A sub-request is under way … */
  expect(key: string): void {
    this.#pending ??= new Set()
    this.#pending.add(key)
  }

  /** … and has ended. */
  find(key: string, ended: Request): void {
    this.#findings ??= new Map()
    this.#pending?.delete(key)
    this.#findings.set(key, ended)
  }

  /** Sub-requests that have ended. */
  get foundCount(): number {
    return this.#findings?.size ?? 0
  }

  /** There is something that will wake the request. */
  get isExpecting(): boolean {
    return this.#holds > 0 || (this.#pending !== undefined && this.#pending.size > 0)
  }

  /** Steps the request on. */
  wake(): void {
    this.stepper?.wake()
  }

  /** For what is not DNS, or not ours to count: say `wait`, and call what this gives when it is over. */
  hold(): () => void {
    this.#holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds--
      this.wake()
    }
  }

  isPending(name: Name, type: number): boolean {
    return this.#pending?.has(subKey(name, type)) ?? false
  }

  /** Whether this request, or one it serves, is after the same question: then a sub-request for it would never end. */
  isAfter(name: Name, type: number): boolean {
    const key = subKey(name, type)
    for (let request: Request | undefined = this; request !== undefined; request = request.parent)
      if (subKey(request.sname, request.qtype) === key || subKey(request.qname, request.qtype) === key) return true
    return false
  }

  /** Something arrives: what the last arrival taught is settled. */
  beginArrival(): void {
    const { sname, rcode, iteration, security } = this
    this.#before = { answers: this.answer.length, sname, rcode, iteration, security, judged: this.#judged }
    this.learned = []
    this.learnedDenial = undefined
    this.learnedDelegation = undefined
    this.learnedProofs = undefined
  }

  /** Undoes what layers made of the last arrival. */
  rollBack(): void {
    const before = this.#before
    if (before === undefined) return
    this.answer.length = before.answers
    this.authority = []
    this.sname = before.sname
    this.rcode = before.rcode
    this.iteration = before.iteration
    this.security = before.security
    this.#judged = before.judged
    this.learned = []
    this.learnedDenial = undefined
    this.learnedDelegation = undefined
    this.learnedProofs = undefined
  }

  /** The aliases of the last arrival hold, but what it says of their end does not: ask for that by itself. */
  distrustDenial(): void {
    this.learnedDenial = undefined
    this.learnedProofs = undefined
    this.authority = []
    this.rcode = Rcode.NOERROR
    this.iteration = undefined
    this.minimisedQueries = 0
  }

  /** Answers it here and now, with this and nothing else. */
  answerWith(rcode: Rcode, answer: RRset[] = [], authority: RRset[] = []): 'done' {
    this.rcode = rcode
    this.answer = answer
    this.authority = authority
    this.additional = []
    this.source = 'local'
    this.security = 'insecure'
    return 'done'
  }

  /** Counts in the security of one part of the answer: the whole is as secure as its weakest part. */
  judge(security: Security): void {
    this.security = this.#judged ? weakerSecurity(this.security, security) : security
    this.#judged = true
  }

  addEde(code: Ede, text = ''): void {
    if (!this.edes.some((note) => note.code === code && note.text === text)) this.edes.push({ code, text })
  }

  /** Gives up: SERVFAIL with this reason. */
  failWith(code: Ede, text: string): 'fail' {
    this.addEde(code, text)
    return 'fail'
  }

  /** Takes over another request's outcome: it asked the same. */
  adopt(other: Request): void {
    this.rcode = other.rcode
    this.authoritative = other.authoritative
    this.answer = other.answer.slice()
    this.authority = other.authority.slice()
    this.additional = other.additional.slice()
    this.edes = other.edes.slice()
    this.security = other.security
    this.bogus = other.bogus
    this.source = other.source
    this.sname = other.sname
  }
}

const NONE_WANTED: readonly Wanted[] = []

export interface Wanted {
  key: string
  name: Name
  type: number
  purpose: Purpose
}

export function subKey(name: Name, type: number): string {
  return `${type}/${nameKey(name)}`
}
