/** `node test/bench/dnssec.ts`: CPU time of what validation is made of, in µs a call, the best of several rounds; and what
 *  other ways of asking OpenSSL would cost. Compare numbers of one run only. */

import { createPublicKey, createVerify, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { proveNoName, readProofs } from '../../src/dnssec/denial.ts'
import { checkSignature, type DnsKey, parseDnsKey } from '../../src/dnssec/keys.ts'
import { nsec3Hash } from '../../src/dnssec/nsec3.ts'
import { importPublicKey, schemeOf } from '../../src/dnssec/public-key.ts'
import { signedData } from '../../src/dnssec/signature.ts'
import { base32HexText } from '../../src/wire/base32.ts'
import { type Name, nameFromText } from '../../src/wire/name.ts'
import { type RRset, rrset, rrsigFields } from '../../src/wire/rrset.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'

const ROUNDS = 5

function measure(what: string, calls: number, action: () => unknown): void {
  for (let i = 0; i < calls / 2; i++) action()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    for (let i = 0; i < calls; i++) action()
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / calls)
  }
  console.log(`${what.padEnd(64)} ${best.toFixed(best < 10 ? 3 : 1).padStart(8)} µs`)
}

function set(owner: string, type: keyof typeof Type, ...texts: string[]): RRset {
  return rrset(
    nameFromText(owner),
    Type[type],
    300,
    texts.map((text) => rdataFromText(Type[type], text)),
  )
}

// --- what is signed ---------------------------------------------------------------------------------------------------

const rrsig = (type: string, labels: number): Uint8Array =>
  rdataFromText(Type.RRSIG, `${type} 13 ${labels} 300 20300101000000 20250101000000 1 example.org. AAAA`)

function measureSignedData(title: string, rrset: RRset, rdata: Uint8Array): void {
  const fields = rrsigFields(rdata)
  measure(`signedData: ${title}`, 100_000, () => signedData(rrset, fields, rdata))
}
measureSignedData('one address', set('www.example.org', 'A', '192.0.2.1'), rrsig('A', 3))
measureSignedData('one address, from a wildcard', set('www.example.org', 'A', '192.0.2.1'), rrsig('A', 2))
const servers = ['a', 'b', 'c', 'd'].map((letter) => `${letter}.ns.example.net.`)
measureSignedData('four name servers', set('example.org', 'NS', ...servers), rrsig('NS', 2))
measureSignedData(
  'SOA',
  set('example.org', 'SOA', 'ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300'),
  rrsig('SOA', 2),
)
measureSignedData('NSEC', set('a.example.org', 'NSEC', 'c.example.org. A RRSIG NSEC'), rrsig('NSEC', 3))

// --- keys and signatures ----------------------------------------------------------------------------------------------

const data = Buffer.alloc(200, 7)
const jwkPart = (key: KeyObject, part: 'n' | 'e' | 'x' | 'y'): Buffer =>
  Buffer.from(key.export({ format: 'jwk' })[part] as string, 'base64url')

interface Signer {
  algorithm: number
  hash: string | null
  publicKey: KeyObject
  privateKey: KeyObject
  material: Buffer
}

function rsa(algorithm: number, hash: string, modulusLength: number): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength })
  const material = Buffer.concat([Buffer.of(3), jwkPart(publicKey, 'e'), jwkPart(publicKey, 'n')])
  return { algorithm, hash, publicKey, privateKey, material }
}

function ec(algorithm: number, hash: string, namedCurve: string): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve })
  const material = Buffer.concat([jwkPart(publicKey, 'x'), jwkPart(publicKey, 'y')])
  return { algorithm, hash, publicKey, privateKey, material }
}

function eddsa(algorithm: number, { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Signer {
  return { algorithm, hash: null, publicKey, privateKey, material: jwkPart(publicKey, 'x') }
}

const signers: Record<string, Signer> = {
  'RSASHA1, 1024 bits': rsa(5, 'sha1', 1024),
  'RSASHA256, 1024 bits': rsa(8, 'sha256', 1024),
  'RSASHA256, 2048 bits': rsa(8, 'sha256', 2048),
  'RSASHA512, 4096 bits': rsa(10, 'sha512', 4096),
  ECDSAP256SHA256: ec(13, 'sha256', 'P-256'),
  ECDSAP384SHA384: ec(14, 'sha384', 'P-384'),
  ED25519: eddsa(15, generateKeyPairSync('ed25519')),
  ED448: eddsa(16, generateKeyPairSync('ed448')),
}

for (const [title, { algorithm, hash, publicKey, privateKey, material }] of Object.entries(signers)) {
  const key = parseDnsKey(Buffer.concat([Buffer.of(1, 0, 3, algorithm), material])) as DnsKey
  const options = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  const signature = hash === null ? sign(null, data, privateKey) : sign(hash, data, options)
  const calls = algorithm === 14 ? 500 : 2000
  measure(`checkSignature: ${title}`, calls, () => checkSignature(key, data, signature))
  const scheme = schemeOf(algorithm)
  if (scheme !== undefined) measure(`importPublicKey: ${title}`, calls, () => importPublicKey(scheme, material))
  if (algorithm !== 13) continue
  const der = sign('sha256', data, privateKey)
  const paired = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
  measure('  other ways: verify, ieee-p1363', calls, () => verify('sha256', data, paired, signature))
  measure('  other ways: verify, DER at hand', calls, () => verify('sha256', data, publicKey, der))
  measure('  other ways: createVerify, ieee-p1363', calls, () =>
    createVerify('sha256').update(data).verify(paired, signature),
  )
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  measure('  other ways: import from SPKI', calls, () => createPublicKey({ key: spki, format: 'der', type: 'spki' }))
}

// --- denial -----------------------------------------------------------------------------------------------------------

const zone = nameFromText('example.org')
const NO_SALT = new Uint8Array(0)
for (const iterations of [0, 10, 50])
  measure(`nsec3Hash: ${iterations} iterations`, 20_000, () => nsec3Hash(zone, NO_SALT, iterations))

const apex = set('example.org', 'NSEC', 'b.example.org. NS SOA RRSIG NSEC DNSKEY')
const gap = set('b.example.org', 'NSEC', 'd.example.org. A RRSIG NSEC')
const qname = nameFromText('c.example.org')
measure('no such name: NSEC', 50_000, () =>
  proveNoName(
    readProofs([apex, gap], zone, 50, () => true),
    qname,
  ),
)

/** An NSEC3 set that matches `name`, or has nothing but it in its gap. */
function hashed(name: Name, matches: boolean, iterations: number): RRset {
  const hash = BigInt(`0x${Buffer.from(nsec3Hash(name, NO_SALT, iterations)).toString('hex')}`)
  const text = (value: bigint) => base32HexText(Buffer.from(value.toString(16).padStart(40, '0'), 'hex'))
  const owner = matches ? hash : hash - 1n
  return set(`${text(owner)}.example.org`, 'NSEC3', `1 0 ${iterations} - ${text(hash + 1n)} SOA NS RRSIG`)
}
for (const iterations of [0, 50]) {
  const sets = [zone, qname, nameFromText('*.example.org')].map((name, i) => hashed(name, i === 0, iterations))
  measure(`no such name: NSEC3, ${iterations} iterations`, 5000, () =>
    proveNoName(
      readProofs(sets, zone, 50, () => true),
      qname,
    ),
  )
}
