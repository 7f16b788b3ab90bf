/** Server cookies that all servers with the same secret understand. RFC 9018 §4. Pure. */

import { sipHash } from './siphash.ts'

export const CLIENT_COOKIE_OCTETS = 8
const SERVER_COOKIE_OCTETS = 16
const VERSION = 1
/** RFC 9018 §4.3, seconds: how old a cookie may be, how far from the future, and when it is renewed. */
const MAX_AGE = 3600
const MAX_AHEAD = 300

/** The sixteen octets that a server adds to `clientCookie` for the client at `address` (4 or 16 octets). */
export function serverCookie(
  clientCookie: Uint8Array,
  address: Uint8Array,
  secret: Uint8Array,
  nowSeconds: number,
): Uint8Array {
  const cookie = new Uint8Array(SERVER_COOKIE_OCTETS)
  cookie[0] = VERSION // then three reserved octets
  new DataView(cookie.buffer).setUint32(4, nowSeconds >>> 0)
  const data = new Uint8Array(CLIENT_COOKIE_OCTETS + 8 + address.length)
  data.set(clientCookie)
  data.set(cookie.subarray(0, 8), CLIENT_COOKIE_OCTETS)
  data.set(address, CLIENT_COOKIE_OCTETS + 8)
  cookie.set(sipHash(secret, data), 8)
  return cookie
}

/** Whether `option`, client and server cookie, was made for this client, not too long ago, with the secret of then. */
export function isGoodCookie(
  option: Uint8Array,
  address: Uint8Array,
  secretAt: (seconds: number) => Uint8Array,
  nowSeconds: number,
): boolean {
  if (option.length !== CLIENT_COOKIE_OCTETS + SERVER_COOKIE_OCTETS || option[CLIENT_COOKIE_OCTETS] !== VERSION)
    return false
  const made = new DataView(option.buffer, option.byteOffset).getUint32(CLIENT_COOKIE_OCTETS + 4)
  const age = (nowSeconds - made) | 0 // serial arithmetic, RFC 1982
  if (age > MAX_AGE || age < -MAX_AHEAD) return false
  const given = option.subarray(CLIENT_COOKIE_OCTETS)
  return isSame(serverCookie(option.subarray(0, CLIENT_COOKIE_OCTETS), address, secretAt(made), made), given)
}

/** Takes the same time wherever they differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0
  for (let at = 0; at < a.length; at++) difference |= a[at] ^ b[at]
  return difference === 0
}
