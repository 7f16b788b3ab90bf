/** Servers of small signed zones for stories. Everything is signed when it is asked for, by one key made from the zone's
 *  name, so that a test can have any part of it wrong. Absence is proven by a record for just the asked name (RFC 4470,
 *  RFC 9824 §3). */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { keyTag } from '../../src/dnssec/keys.ts'
import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import {
  equalNames,
  foldName,
  isAtOrBelow,
  type Name,
  nameFromText,
  nameToText,
  parentName,
} from '../../src/wire/name.ts'
import { type RRset, rrset } from '../../src/wire/rrset.ts'
import { parseZoneText, rdataToText } from '../../src/wire/text.ts'
import { bitmapOfTypes } from '../../src/wire/type-bitmap.ts'
import { Flag, Rcode, Type } from '../../src/wire/types.ts'
import { type SigningPlan, signWithKey } from '../lab/signer.ts'
import { composeScript, type ScriptMessage, type ScriptRecord } from '../scenarios/message.ts'
import type { Server } from '../scenarios/own/story.ts'
import { TEST_EPOCH_MS } from './clock.ts'

const DAY = 86_400
const TTL = 3600
const NOW = TEST_EPOCH_MS / 1000

export interface SignedZoneOptions {
  /** Of the key and its signatures; but for Ed25519 the key is noise. */
  algorithm?: number
  /** Flags of the key. 257: zone key, secure entry point. */
  flags?: number
  /** Digest type of the DS record; of unknown ones the digest is noise. */
  digest?: number
  /** Changes what a signature says before it is made. */
  alter?: SigningPlan['alter']
  /** Changes the signatures of a set that is about to be sent. */
  sign?: (set: RRset, signatures: Uint8Array[]) => Uint8Array[]
  /** More keys beside the zone's own: RDATA. */
  moreKeys?: Uint8Array[]
}

export class SignedZone {
  readonly apex: Name
  readonly key: ZoneKey
  readonly options: SignedZoneOptions
  private readonly sets: RRset[] = []

  /** `body`: records relative to the origin, indented as you like; SOA, NS and keys are there already. */
  constructor(origin: string, body: string, options: SignedZoneOptions = {}) {
    this.apex = nameFromText(origin)
    this.options = options
    this.key = zoneKey(origin, options)
    const head = `$ORIGIN ${origin}\n$TTL ${TTL}\n@ SOA ns.invalid. root.invalid. 1 7200 900 604800 300\n@ NS ns.invalid.\n`
    for (const { owner, ttl, type, rdata } of parseZoneText(`${head}${body.replaceAll(/^ +/gm, '')}\n`)) {
      const known = this.at(owner, type)
      if (known === undefined) this.sets.push(rrset(owner, type, ttl, [rdata]))
      else known.rdatas.push(rdata)
    }
    this.sets.push(rrset(this.apex, Type.DNSKEY, TTL, [this.key.rdata, ...(options.moreKeys ?? [])]))
  }

  /** The DS record that its parent has, to be put into the parent's body. */
  get ds(): string {
    return `${nameToText(this.apex)} DS ${rdataToText(Type.DS, this.dsRdata())}`
  }

  anchor(): TrustAnchor {
    return { zone: this.apex, ds: [this.dsRdata()], keys: [] }
  }

  server(): Server {
    return ({ query }) => ({ packets: [composeScript(this.answer(query))] })
  }

  answer(query: ScriptMessage): ScriptMessage {
    const { name, type } = query.question!
    const message = {
      id: query.id,
      flags: Flag.QR | Flag.AA,
      rcode: Rcode.NOERROR,
      question: query.question,
      answer: [] as ScriptRecord[],
      authority: [] as ScriptRecord[],
      additional: [] as ScriptRecord[],
      edns: query.edns,
    }
    const cut = this.cutAbove(name)
    if (cut !== undefined && !(type === Type.DS && equalNames(cut.owner, name))) {
      message.flags &= ~Flag.AA
      const ds = this.at(cut.owner, Type.DS)
      message.authority.push(...recordsOf(cut), ...this.signed(ds ?? this.proof(cut.owner)))
      for (const set of this.sets)
        if (set.type === Type.A && cut.rdatas.some((server) => equalNames(server, set.owner)))
          message.additional.push(...recordsOf(set))
      return message
    }
    const set = this.at(name, type) ?? this.at(name, Type.CNAME)
    if (set !== undefined) message.answer.push(...this.signed(set))
    else message.authority.push(...this.signed(this.at(this.apex, Type.SOA)!), ...this.signed(this.proof(name)))
    return message
  }

  /** The records of `set` and their signatures. */
  signed(set: RRset): ScriptRecord[] {
    const made = [this.signature(set)]
    const signatures = this.options.sign?.(set, made) ?? made
    return [...recordsOf(set), ...signatures.map((rdata) => ({ ...base(set), type: Type.RRSIG, rdata }))]
  }

  /** RDATA of the signature of `key` over `set`. */
  signature(set: RRset, key: ZoneKey = this.key): Uint8Array {
    const { apex, options } = this
    return signWithKey(set, key, { apex, inception: NOW - DAY, expiration: NOW + 30 * DAY, alter: options.alter })
  }

  private at(owner: Name, type: number): RRset | undefined {
    return this.sets.find((set) => set.type === type && equalNames(set.owner, owner))
  }

  private cutAbove(name: Name): RRset | undefined {
    for (let owner = name; owner.length > this.apex.length; owner = parentName(owner)) {
      const ns = this.at(owner, Type.NS)
      if (ns !== undefined && isAtOrBelow(owner, this.apex)) return ns
    }
    return undefined
  }

  private proof(name: Name): RRset {
    const types = this.sets.filter((set) => equalNames(set.owner, name)).map((set) => set.type)
    const next = Buffer.from([1, 0, ...name])
    const bitmap = bitmapOfTypes([...types, Type.RRSIG, Type.NSEC])
    return rrset(name, Type.NSEC, 300, [Buffer.concat([next, bitmap])])
  }

  private dsRdata(): Uint8Array {
    const digest = this.options.digest ?? 2
    const { tag, algorithm, rdata } = this.key
    const octets = createHash('sha256').update(foldName(this.apex)).update(rdata).digest()
    return Buffer.from([tag >> 8, tag & 255, algorithm, digest, ...octets])
  }
}

export interface ZoneKey {
  rdata: Uint8Array
  tag: number
  algorithm: number
  sign(data: Uint8Array): Uint8Array
}

/** A key made from `secret`. */
export function zoneKey(secret: string, { algorithm, flags }: SignedZoneOptions = {}): ZoneKey {
  const privateKey = edKey(secret)
  const material = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x as string, 'base64url')
  const number = algorithm ?? DnssecAlgorithm.ED25519
  const bits = flags ?? 257
  const rdata = Buffer.from([bits >> 8, bits & 255, 3, number, ...material])
  return { rdata, tag: keyTag(rdata), algorithm: number, sign: (data) => sign(null, data, privateKey) }
}

/** RFC 8410 §7: the head of a PKCS #8 structure, then the secret. */
function edKey(secret: string): KeyObject {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const seed = createHash('sha256').update(secret).digest()
  return createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' })
}

function base({ owner, ttl, class: rrClass }: RRset) {
  return { owner, ttl, class: rrClass }
}

function recordsOf(set: RRset): ScriptRecord[] {
  return set.rdatas.map((rdata) => ({ ...base(set), type: set.type, rdata }))
}
