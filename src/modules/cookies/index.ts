/** Answers DNS cookies: a client that shows ours again is where it says it is. RFC 7873 §5.2, RFC 9018. */

import { createHmac } from 'node:crypto'
import type { Random } from '../../io/interfaces.ts'
import type { Request } from '../../request.ts'
import { EdnsOption, Rcode } from '../../wire/types.ts'
import { defineModule } from '../module.ts'
import { CLIENT_COOKIE_OCTETS, isGoodCookie, serverCookie } from './server-cookie.ts'

const SECRET_OCTETS = 16
const DAY_SECONDS = 86_400
/** RFC 7873 §4: a client cookie, alone or with a server cookie of 8 to 32 octets. */
const LONGEST = 40
const SHORTEST_WITH_SERVER = 16

export const cookies = ({ master }: { master: string }) =>
  defineModule({
    name: 'cookies',
    about: 'Answers DNS cookies.',
    metrics: {
      asked: 'Queries with a client cookie alone',
      good: 'Queries with a cookie of ours',
      bad: 'Queries with a server cookie that is not ours, or old',
    },
    start: ({ random }) => new Secrets(master === '' ? randomSecret(random) : master),
    begin(request, { state, clock, count }) {
      const cookie = cookieOf(request)
      if (cookie === undefined) return 'pass'
      if (!isWellFormed(cookie)) return request.answerWith(Rcode.FORMERR) // RFC 7873 §5.2.2
      const now = Math.floor(clock.wallMs() / 1000)
      const address = request.client?.address
      if (address === undefined) return 'pass'
      if (cookie.length === CLIENT_COOKIE_OCTETS) count('asked')
      else count(isGoodCookie(cookie, address, state.accepted(now), now) ? 'good' : 'bad')
      const own = serverCookie(cookie.subarray(0, CLIENT_COOKIE_OCTETS), address, state.current(now), now)
      const data = Uint8Array.from([...cookie.subarray(0, CLIENT_COOKIE_OCTETS), ...own])
      request.options.push({ code: EdnsOption.COOKIE, data })
      return 'pass'
    },
  })

function randomSecret(random: Random): string {
  const octets = new Uint8Array(SECRET_OCTETS * 2)
  random.fill(octets)
  return Buffer.from(octets).toString('hex')
}

function cookieOf({ edns }: Request): Uint8Array | undefined {
  return edns?.options.find(({ code }) => code === EdnsOption.COOKIE)?.data
}

function isWellFormed({ length }: Uint8Array): boolean {
  return length === CLIENT_COOKIE_OCTETS || (length >= SHORTEST_WITH_SERVER && length <= LONGEST)
}

/** A secret a day, made of the one that the fleet shares: all its servers change over together, RFC 9018 §5. */
class Secrets {
  readonly #master: string
  readonly #days = new Map<number, Uint8Array>()

  constructor(master: string) {
    this.#master = master
  }

  current(nowSeconds: number): Uint8Array {
    return this.#ofDay(Math.floor(nowSeconds / DAY_SECONDS))
  }

  /** Also yesterday's, and tomorrow's: clocks differ. */
  accepted(nowSeconds: number): Uint8Array[] {
    const day = Math.floor(nowSeconds / DAY_SECONDS)
    return [day, day - 1, day + 1].map((each) => this.#ofDay(each))
  }

  #ofDay(day: number): Uint8Array {
    let secret = this.#days.get(day)
    if (secret === undefined) {
      if (this.#days.size > 8) this.#days.clear()
      secret = createHmac('sha256', this.#master).update(`cookie ${day}`).digest().subarray(0, SECRET_OCTETS)
      this.#days.set(day, secret)
    }
    return secret
  }
}
