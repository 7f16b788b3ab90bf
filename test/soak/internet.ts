/** The whole internet of a soak: one server on this machine, and names whose answers tell which name was asked for. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfigInput } from '../../src/config/schema.ts'
import { parseZoneText } from '../../src/wire/text.ts'
import { Authority } from '../lab/authority.ts'
import { Listener } from '../lab/listener.ts'

/** Names that are asked for. */
export const NAMES = 500
const ADDRESS = '127.0.0.1'
/** Longer than any run: after the first time, answers come from the cache. */
const TTL = 86_400

export function nameOf(index: number): string {
  return `h${index}.soak.net`
}

/** Of the host of that number, and of no other. */
export function addressOf(index: number): readonly [number, number, number, number] {
  return [198, 18, index >> 8, index & 255] // RFC 2544 §C.2.2
}

export class SoakInternet {
  readonly #listener: Listener
  readonly #port: number

  private constructor(listener: Listener, port: number) {
    this.#listener = listener
    this.#port = port
  }

  static async open(port: number): Promise<SoakInternet> {
    const hosts = Array.from({ length: NAMES }, (_, i) => `${nameOf(i)}. ${TTL} IN A ${addressOf(i).join('.')}\n`)
    const zone = `. ${TTL} IN SOA ns.soak.net. admin.soak.net. 1 3600 600 86400 60
. ${TTL} IN NS ns.soak.net.
ns.soak.net. ${TTL} IN A ${ADDRESS}
${hosts.join('')}`
    const authority = new Authority([{ origin: '.', records: () => parseZoneText(zone) }])
    const listener = await Listener.open(ADDRESS, port, ({ packet, protocol, send }) => {
      const reply = authority.respond(packet, protocol)
      if (reply !== undefined) send(reply)
    })
    return new SoakInternet(listener, port)
  }

  /** What a service has to be told to find it, with a file of root servers in `folder`. */
  settings(folder: string): ConfigInput {
    const hints = join(folder, 'root.hints')
    writeFileSync(hints, `. 3600000 NS ns.soak.net.\nns.soak.net. 3600000 A ${ADDRESS}\n`)
    return { options: { 'query-loopback': true, 'root-hints-file': hints, 'upstream-port': this.#port } }
  }

  close(): Promise<void> {
    return this.#listener.close()
  }
}
