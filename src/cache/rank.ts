/** How much is a piece of data trusted, and what may replace what? RFC 2181 §5.4.1 ranks data by where in which message
 *  it stood, RFC 4035 §4.3 by what validation found; `trustOf` joins the two into one order. */

/** Where data came from, low to high (RFC 2181 §5.4.1). */
export const Rank = {
  /** Addresses beside a referral. */
  GLUE: 1,
  /** NS set of a referral: the parent's word on the child's. */
  REFERRAL: 2,
  /** Additional section of an authoritative answer. */
  ADDITIONAL: 3,
  /** Answer section of a reply without the AA bit, such as a forwarder's. */
  ANSWER_NONAUTH: 4,
  /** Authority section of an authoritative answer. */
  AUTHORITY: 5,
  /** Answer section of an authoritative answer. */
  ANSWER: 6,
} as const
export type Rank = (typeof Rank)[keyof typeof Rank]

/** What validation found (RFC 4035 §4.3). `indeterminate` also stands for data nobody has validated (yet). */
export type Security = 'indeterminate' | 'insecure' | 'secure' | 'bogus'

/** The levels of trust that validation makes; within one level the rank decides. */
const level: Record<Security, number> = { bogus: 0, indeterminate: 1, insecure: 2, secure: 3 }

/** A whole is as secure as its weakest part. */
export function weakerSecurity(a: Security, b: Security): Security {
  return level[a] <= level[b] ? a : b
}

/** A number that orders data by trust: whatever its rank, secure data is above all other and bogus data below. */
export function trustOf(security: Security, rank: number): number {
  return level[security] * 8 + rank
}
