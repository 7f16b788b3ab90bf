/** Tells clients over TCP how long an idle connection is kept, so that they keep it, too. RFC 7828. */

import { EdnsOption } from '../../wire/types.ts'
import { defineModule } from '../module.ts'

/** RFC 7828 §3.1. */
const UNIT_MS = 100

export const ednsKeepalive = (idleMs: number) =>
  defineModule({
    name: 'edns-keepalive',
    about: 'Tells clients over TCP how long an idle connection is kept.',
    start() {
      const timeout = Math.min(0xffff, Math.floor(idleMs / UNIT_MS))
      return Uint8Array.of(timeout >> 8, timeout & 0xff)
    },
    answer(request, { state }) {
      // RFC 7828 §3.2.1 and §3.3.2: over UDP it is ignored, and it is not sent unasked
      const isAsked = request.edns?.options.some(({ code }) => code === EdnsOption.KEEPALIVE) ?? false
      if (isAsked && request.client?.overUdp === false)
        request.options.push({ code: EdnsOption.KEEPALIVE, data: state })
      return 'pass'
    },
  })
