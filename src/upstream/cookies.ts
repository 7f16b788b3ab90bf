/** What do we show the servers we ask so that their replies cannot be forged? DNS cookies, the client's side: RFC 7873 §5.3,
 *  RFC 9018 §3. A reply that gives back our client cookie was made by who got our query; and a server that has done so once
 *  does it always, so that without it nothing is believed. Servers that choke on the option are asked without. */

import type { ServerAddress } from '../io/address.ts'
import type { Clock, Protocol, Random } from '../io/interfaces.ts'
import type { Reply } from '../wire/message.ts'
import { EdnsOption, Rcode } from '../wire/types.ts'

/** What a reply is, as far as cookies go.
 *  - `fine`: nothing against it
 *  - `forged`: it shows another client cookie than ours; the wait goes on (RFC 7873 §5.3)
 *  - `missing`: the server has shown cookies before, and there is none; over TCP it can be told whether it is the server's
 *  - `renewed`: BADCOOKIE, and a new server cookie to ask again with
 *  - `refused`: the server cannot bear the option; it is to be asked again without */
export type CookieVerdict = 'fine' | 'forged' | 'missing' | 'renewed' | 'refused'

interface Known {
  /** The data of the option as we send it: our client cookie, and the server's, once we have it. */
  option: Uint8Array
  /** It has answered with our client cookie. */
  shows: boolean
  /** It has answered a query with the option. */
  bears: boolean
  /** Until then it is asked without, monotonic milliseconds. */
  avoidedUntilMs: number
  /** Until then it may answer without: several servers stand behind its address, and not all of them show cookies. */
  fickleUntilMs: number
  bornMs: number
}

const CLIENT_OCTETS = 8
/** RFC 7873 §4. */
const SHORTEST = 16
const LONGEST = 40
/** How long a server that cannot bear the option is asked without, and one that shows it at times is not held to it. */
const AVOID_MS = 15 * 60_000
/** A client cookie is used no longer than this: whoever has seen it cannot recognise us, or forge, for ever. */
const LIFE_MS = 86_400_000
const CAPACITY = 10_000

export class ServerCookies {
  readonly #clock: Clock
  readonly #random: Random
  /** By ServerAddress.key, the first met first. */
  readonly #known = new Map<string, Known>()

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Data of the COOKIE option for a query to `server`, not to be written into; undefined: ask without. */
  optionFor(server: ServerAddress): Uint8Array | undefined {
    const nowMs = this.#clock.monotonicMs()
    let known = this.#known.get(server.key)
    if (known === undefined || nowMs - known.bornMs >= LIFE_MS) {
      known = this.#meet(server, known, nowMs)
    }
    return known.avoidedUntilMs > nowMs ? undefined : known.option
  }

  /** What `reply` is to a query that was sent with `sent`; learns from it. */
  judge(server: ServerAddress, sent: Uint8Array, reply: Reply, protocol: Protocol): CookieVerdict {
    const known = this.#known.get(server.key)
    if (known === undefined) return 'fine' // so many others were asked meanwhile that it has been forgotten
    const shown = cookieOf(reply)
    if (shown === undefined) return this.#judgeWithout(known, reply, protocol)
    for (let i = 0; i < CLIENT_OCTETS; i++) if (shown[i] !== sent[i]) return 'forged'
    known.bears = true
    if (shown.length < SHORTEST || shown.length > LONGEST) return 'fine' // no server cookie to keep
    known.shows = known.fickleUntilMs <= this.#clock.monotonicMs()
    if (!isSame(shown, known.option) && isSameClient(shown, known.option)) known.option = shown.slice()
    return reply.rcode === Rcode.BADCOOKIE && protocol === 'udp' ? 'renewed' : 'fine'
  }

  /** Nothing came back over UDP for a query with the option. One that has never borne it may be why: some drop what they do
   *  not know. */
  unanswered(server: ServerAddress): void {
    const known = this.#known.get(server.key)
    if (known !== undefined && !known.bears) known.avoidedUntilMs = this.#clock.monotonicMs() + AVOID_MS
  }

  #judgeWithout(known: Known, { rcode, edns }: Reply, protocol: Protocol): CookieVerdict {
    const untilMs = this.#clock.monotonicMs() + AVOID_MS
    if (known.shows) {
      if (protocol === 'udp') return 'missing'
      known.shows = false // nobody forges over TCP
      known.fickleUntilMs = untilMs
    }
    if (rcode === Rcode.FORMERR || rcode === Rcode.NOTIMP || rcode === Rcode.BADCOOKIE) {
      known.avoidedUntilMs = untilMs
      return 'refused' // if it is EDNS as a whole that it does not know, it will say so again
    }
    if (edns !== undefined) known.bears = true
    return 'fine'
  }

  #meet(server: ServerAddress, former: Known | undefined, nowMs: number): Known {
    if (former !== undefined) this.#known.delete(server.key)
    else if (this.#known.size >= CAPACITY) {
      const [oldest] = this.#known.keys()
      this.#known.delete(oldest)
    }
    const option = new Uint8Array(CLIENT_OCTETS)
    this.#random.fill(option)
    const known = {
      option,
      shows: false,
      bears: former?.bears ?? false,
      avoidedUntilMs: 0,
      fickleUntilMs: 0,
      bornMs: nowMs,
    }
    this.#known.set(server.key, known)
    return known
  }
}

/** The data of the option, if it can be one; a view. */
function cookieOf({ edns }: Reply): Uint8Array | undefined {
  if (edns === undefined) return undefined
  for (const { code, data } of edns.options)
    if (code === EdnsOption.COOKIE) return data.length >= CLIENT_OCTETS ? data : undefined
  return undefined
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function isSameClient(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < CLIENT_OCTETS; i++) if (a[i] !== b[i]) return false
  return true
}
