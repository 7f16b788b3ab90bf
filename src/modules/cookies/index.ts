/** Answers DNS cookies: a client that shows ours again is where it says it is. RFC 7873 §5.2, RFC 9018. */

import type { Random } from '../../io/interfaces.ts'
import type { Request } from '../../request.ts'
import { EdnsOption, Rcode } from '../../wire/types.ts'
import { defineModule } from '../module.ts'
import { Secrets } from './secrets.ts'
import { CLIENT_COOKIE_OCTETS, isGoodCookie, serverCookie } from './server-cookie.ts'

const MASTER_OCTETS = 32
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
      else count(isGoodCookie(cookie, address, (seconds) => state.at(seconds), now) ? 'good' : 'bad')
      const own = serverCookie(cookie.subarray(0, CLIENT_COOKIE_OCTETS), address, state.at(now), now)
      const data = Uint8Array.from([...cookie.subarray(0, CLIENT_COOKIE_OCTETS), ...own])
      request.options.push({ code: EdnsOption.COOKIE, data })
      return 'pass'
    },
  })

function randomSecret(random: Random): string {
  const octets = new Uint8Array(MASTER_OCTETS)
  random.fill(octets)
  return Buffer.from(octets).toString('hex')
}

function cookieOf({ edns }: Request): Uint8Array | undefined {
  return edns?.options.find(({ code }) => code === EdnsOption.COOKIE)?.data
}

function isWellFormed({ length }: Uint8Array): boolean {
  return length === CLIENT_COOKIE_OCTETS || (length >= SHORTEST_WITH_SERVER && length <= LONGEST)
}
