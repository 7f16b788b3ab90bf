/** Who answers here? `version.bind`, `version.server`, `hostname.bind` and `id.server` in class CH (RFC 4892). Only what
 *  the operator has set is told; all other CHAOS names are refused. */

import type { Settings } from '../../settings.ts'
import { nameFromText, nameKey } from '../../wire/name.ts'
import { Class, Rcode, Type } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

export function chaos(settings: Pick<Settings, 'version' | 'hostname'>) {
  const texts = new Map([
    [nameKey(nameFromText('version.bind.')), settings.version],
    [nameKey(nameFromText('version.server.')), settings.version],
    [nameKey(nameFromText('hostname.bind.')), settings.hostname],
    [nameKey(nameFromText('id.server.')), settings.hostname],
  ])
  return defineModule({
    name: 'chaos',
    about: 'Tells version and name of this server in class CH.',
    begin(request) {
      if (request.question.class !== Class.CH) return 'pass'
      const text = texts.get(nameKey(request.qname))
      if (text === undefined) return request.answerWith(Rcode.REFUSED)
      if (request.qtype !== Type.TXT && request.qtype !== Type.ANY) return request.answerWith(Rcode.NOERROR)
      const rdatas = [characterString(text)]
      const txt = { owner: request.qname, type: Type.TXT, class: Class.CH, ttl: 0, rdatas, signatures: [] }
      return request.answerWith(Rcode.NOERROR, [txt])
    },
  })
}

/** One <character-string>, RFC 1035 §3.3: a length octet and at most 255 octets. */
function characterString(text: string): Uint8Array {
  const octets = new TextEncoder().encode(text).subarray(0, 255)
  return Uint8Array.from([octets.length, ...octets])
}
