/** Lets clients find out by two questions whether a root key is trusted here: RFC 8509. */

import { anchorTags, type TrustAnchors } from '../../dnssec/trust-anchors.ts'
import type { Request } from '../../request.ts'
import { firstLabel, ROOT } from '../../wire/name.ts'
import { Ede, Rcode, Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

/** RFC 8509 §2.1: five digits, zeros in front; letter case does not matter. */
const LABEL = /^root-key-sentinel-(is|not)-ta-(\d{5})$/i
const OCTETS_IS = 'root-key-sentinel-is-ta-12345'.length
const OCTETS_NOT = OCTETS_IS + 1

export const sentinel = (anchors: () => TrustAnchors) =>
  defineModule({
    name: 'sentinel',
    about: 'Lets clients find out which root keys are trusted.',
    answer(request) {
      const question = sentinelQuestion(request)
      if (question === undefined) return 'pass'
      const root = anchors().at(ROOT)
      const isTrusted = root !== undefined && anchorTags(root).includes(question.keyTag)
      if (isTrusted === question.asksForTrust) return 'pass'
      request.addEde(Ede.OTHER, `root key ${question.keyTag} is ${isTrusted ? '' : 'not '}a trust anchor (RFC 8509)`)
      return 'fail' // RFC 8509 §2.2
    },
  })

/** RFC 8509 §2.2: only for addresses, of names that are secure, and not with CD. */
function sentinelQuestion(request: Request): { keyTag: number; asksForTrust: boolean } | undefined {
  if (request.qtype !== Type.A && request.qtype !== Type.AAAA) return undefined
  if (request.qname[0] !== OCTETS_IS && request.qname[0] !== OCTETS_NOT) return undefined // hardly any label is so long
  const match = LABEL.exec(Buffer.from(firstLabel(request.qname)).toString('latin1'))
  if (match === null || request.security !== 'secure' || request.wishes.cd || request.rcode === Rcode.SERVFAIL)
    return undefined
  const keyTag = Number(match[2])
  return keyTag > 0xffff ? undefined : { keyTag, asksForTrust: match[1].toLowerCase() === 'is' }
}
