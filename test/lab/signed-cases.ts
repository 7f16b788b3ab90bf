/** The corners of DNSSEC where all is as it should be: every algorithm with every kind of denial, signatures made by the
 *  programs of others, delegations secure and insecure, islands, opt-out, aliases across all of these. */

import { DnssecAlgorithm } from '../../src/wire/mnemonics.ts'
import { nsec3, type Signing, signing } from './signing.ts'
import type { World } from './world.ts'

const P256 = 'ECDSAP256SHA256'

export function addSignedCases(world: World): void {
  addAlgorithms(world)
  addSignedByOthers(world)
  addKeySets(world)
  addUnknown(world)
  addDelegations(world)
  addOptOut(world)
  addAliases(world)
}

/** What every kind of denial has to be tried with: data, aliases, wildcards, empty non-terminals, cuts of both kinds. */
const corners = `www A 198.18.80.1
  www AAAA 2001:db8::80
  alias CNAME www
  alias-far CNAME www.chains.net.
  to-nothing CNAME nothing
  *.wild A 198.18.80.2
  known.wild TXT "beside the wildcard"
  *.wild-alias CNAME www
  *.wild-nothing CNAME nothing
  deep.down.in TXT "found"
  moved DNAME in
  mail MX 10 www`

const cornerQuestions = [
  ...[
    'www',
    'www AAAA',
    'www MX',
    'alias',
    'alias AAAA',
    'alias MX',
    'alias-far',
    'to-nothing',
    'nothing',
    'nothing.at.all',
  ],
  ...['x.wild', 'x.y.wild', 'known.wild', 'known.wild TXT', 'x.wild MX', '*.wild', 'x.wild-alias', 'x.wild-alias MX'],
  ...[
    'x.wild-nothing',
    'in',
    'down.in',
    'deep.down.in TXT',
    'other.in',
    'deep.down.moved TXT',
    'other.moved',
    'moved DNAME',
  ],
  ...['unsigned DS', 'www DS', 'below.www', 'mail MX'],
]

/** A zone with all corners in it. Its unsigned child is a zone too, on the same hosts or not. */
function cornerZone(world: World, origin: string, hosts: string[], how: Signing): void {
  const ask = cornerQuestions
    .filter((question) => question !== 'unsigned DS' || how.by !== 'ldns-signzone') // whose opt-out hides no cut
    .map((question) => question.replace(/^(\S+)/, `$1.${origin}`))
  world.zone(origin, hosts, corners, {
    signing: how,
    ask: [...ask, `${origin} DNSKEY`, `${origin} DS`, `${origin} MX`],
  })
  world.zone(`unsigned.${origin}`, ['hosting-b'], 'www A 198.18.80.3', {
    ask: [`www.unsigned.${origin}`, `nothing.unsigned.${origin}`],
    nameservers: ['ns1.clove-hitch.com.'],
  })
}

/** RFC 8624 §3.1, as far as anybody still validates it. Algorithm 5 knows nothing of NSEC3, RFC 5155 §2. */
function addAlgorithms(world: World): void {
  const hosts = [['hosting-a', 'hosting-b'], ['hosting-c'], ['hosting-d'], ['hosting-b', 'hosting-d']]
  const algorithms = [
    'RSASHA1',
    'RSASHA1-NSEC3-SHA1',
    'RSASHA256',
    'RSASHA512',
    P256,
    'ECDSAP384SHA384',
    'ED25519',
    'ED448',
  ] as const
  for (const [index, algorithm] of algorithms.entries()) {
    const number = DnssecAlgorithm[algorithm]
    const split = index % 2 === 0 || algorithm.startsWith('RSA')
    const at = (turn: number) => hosts[(index + turn) % hosts.length]
    cornerZone(world, `alg${number}-nsec.cz.`, at(0), signing(algorithm, { kind: 'nsec' }, { split }))
    if (algorithm === 'RSASHA1') continue
    cornerZone(world, `alg${number}-nsec3.cz.`, at(1), signing(algorithm, nsec3(0, ''), { split }))
    cornerZone(
      world,
      `alg${number}-opt-out.info.`,
      at(2),
      signing(algorithm, nsec3(number % 3, 'ab12', true), { split }),
    )
  }
  cornerZone(world, 'iterations10.net.', ['hosting-a'], signing(P256, nsec3(10, '0123456789abcdef')))
  cornerZone(world, 'iterations20.org.', ['hosting-b'], signing(P256, nsec3(20, 'ff')))
}

/** Signatures, chains of denial and key sets that are not of our making. */
function addSignedByOthers(world: World): void {
  const programs = [
    { by: 'knotd', name: 'knot', host: 'hosting-a' },
    { by: 'dnssec-signzone', name: 'bind', host: 'hosting-c' },
    { by: 'ldns-signzone', name: 'ldns', host: 'hosting-b' },
  ] as const
  for (const { by, name, host } of programs) {
    cornerZone(world, `${name}-nsec.cz.`, [host], signing(P256, { kind: 'nsec' }, { by, split: true }))
    cornerZone(world, `${name}-nsec3.cz.`, [host], signing('RSASHA256', nsec3(5, 'beef'), { by, split: true }))
    cornerZone(world, `${name}-opt-out.cz.`, [host], signing('ED25519', nsec3(0, '', true), { by, split: true }))
  }
}

/** More than one algorithm, and more than one digest. */
function addKeySets(world: World): void {
  const both = signing(['RSASHA256', P256], { kind: 'nsec' }, { split: true })
  cornerZone(world, 'two-algorithms.com.', ['hosting-d'], both)
  const many = signing(['RSASHA256', 'RSASHA512', P256, 'ECDSAP384SHA384', 'ED25519', 'ED448'], nsec3(0, ''))
  world.zone('many-keys.org.', ['hosting-b', 'hosting-c'], 'www A 198.18.81.1\n* TXT "any"', {
    signing: { ...many, split: true, digests: [1, 2, 4] },
    ask: [
      'www.many-keys.org.',
      'x.many-keys.org. TXT',
      'many-keys.org. DNSKEY',
      'x.many-keys.org. MX',
      'many-keys.org. DS',
    ],
  })
  for (const [label, digests] of [
    ['sha1', [1]],
    ['sha384', [4]],
    ['all', [1, 2, 4]],
  ] as const)
    world.zone(`digest-${label}.cz.`, ['hosting-d'], 'www A 198.18.81.2', {
      signing: signing(P256, undefined, { digests: [...digests] }),
      ask: [`www.digest-${label}.cz.`, `nothing.digest-${label}.cz.`, `digest-${label}.cz. DS`],
    })
}

/** RFC 4035 §5.2: who knows none of the algorithms, or none of the digests, takes the zone for unsigned. RFC 6840 §5.11:
 *  one that is known is enough. */
function addUnknown(world: World): void {
  const unknown = { ...signing(P256), algorithms: [UNKNOWN_ALGORITHM] }
  const ask = (origin: string) => [`www.${origin}`, `nothing.${origin}`, `www.${origin} MX`, `${origin} DS`]
  world.zone('unknown-algorithm.cz.', ['hosting-d'], 'www A 198.18.82.1', {
    signing: unknown,
    ask: ask('unknown-algorithm.cz.'),
  })
  world.zone('unknown-digest.cz.', ['hosting-d'], 'www A 198.18.82.2', {
    signing: { ...signing(P256), digests: [UNKNOWN_DIGEST] },
    ask: ask('unknown-digest.cz.'),
  })
  world.zone('unknown-beside.cz.', ['hosting-d'], 'www A 198.18.82.3', {
    signing: { ...signing(P256), algorithms: [UNKNOWN_ALGORITHM, DnssecAlgorithm[P256]], digests: [2, UNKNOWN_DIGEST] },
    ask: ask('unknown-beside.cz.'),
  })
}

export const UNKNOWN_ALGORITHM = 100
export const UNKNOWN_DIGEST = 100

function addDelegations(world: World): void {
  const signed = signing(P256)
  const zone = (origin: string, hosts: string[], how: Signing | undefined, body = 'www A 198.18.83.1') =>
    world.zone(origin, hosts, body, {
      signing: how,
      ask: [`www.${origin}`, `nothing.${origin}`, `${origin} DS`, `${origin} NS`, `${origin} MX`],
    })
  // parent, child and grandchild on one server, all secure: DS and data of the same name come from it
  for (const origin of ['family.cz.', 'child.family.cz.', 'grandchild.child.family.cz.'])
    zone(origin, ['hosting-d'], signed)
  // the same, but the one in between lives elsewhere, and is unsigned
  zone('broken-line.cz.', ['hosting-d'], signed)
  zone('child.broken-line.cz.', ['hosting-b'], undefined)
  zone('grandchild.child.broken-line.cz.', ['hosting-d'], signed)
  // islands: signed, but nobody vouches for them; what they vouch for is no better
  zone('island.info.', ['hosting-b'], { ...signed, digests: [] })
  zone('child.island.info.', ['hosting-d'], signed)
  zone('island-nsec3.org.', ['hosting-c'], signing('ED25519', nsec3(0, ''), { digests: [] }))
  // cuts below empty non-terminals
  zone('far-below.cz.', ['hosting-b'], signing(P256, nsec3(0, '')))
  zone('a.b.c.far-below.cz.', ['hosting-d'], signed)
  zone('x.b.c.far-below.cz.', ['hosting-d'], undefined)
  world.ask('b.c.far-below.cz. A')
  world.ask('nothing.b.c.far-below.cz. A')
  world.ask('c.far-below.cz. DS')
}

/** RFC 5155 §6: gaps that may hide unsigned delegations; nothing in them is proven to be absent. */
function addOptOut(world: World): void {
  const origin = 'registry.cz.'
  const body = `www A 198.18.84.1
    *.wild A 198.18.84.2
    deep.down TXT "signed"`
  world.zone(origin, ['hosting-a', 'hosting-d'], body, {
    signing: signing(P256, nsec3(0, '', true)),
    ask: [
      ...[
        'www',
        'www MX',
        'nothing',
        'x.wild',
        'x.wild MX',
        'down',
        'deep.down TXT',
        'hidden',
        'hidden MX',
        'hidden DS',
      ].map((q) => q.replace(/^(\S+)/, `$1.${origin}`)),
      `nothing.hidden.${origin}`,
    ],
  })
  world.zone(`signed.${origin}`, ['hosting-b'], 'www A 198.18.84.3', {
    signing: signing('ED25519'),
    ask: [`www.signed.${origin}`, `signed.${origin} DS`, `nothing.signed.${origin}`],
  })
  for (const child of [`unsigned.${origin}`, `below.hidden.${origin}`])
    world.zone(child, ['hosting-b'], 'www A 198.18.84.4', {
      ask: [`www.${child}`, `${child} DS`, `nothing.${child}`, `${child} NS`],
    })
}

/** Aliases from secure zones into insecure ones and back: as secure as the weakest on the way. */
function addAliases(world: World): void {
  world.zone(
    'crossing.cz.',
    ['hosting-d'],
    `secure CNAME www.alg13-nsec.cz.
     insecure CNAME www.child.broken-line.cz.
     there-and-back CNAME back.crossing.info.
     island CNAME www.island.info.
     nothing-secure CNAME nothing.alg15-nsec3.cz.
     nothing-insecure CNAME nothing.crossing.info.
     nothing-opt-out CNAME nothing.registry.cz.
     wildcard CNAME any.wild.alg8-nsec3.cz.
     unknown CNAME www.unknown-algorithm.cz.
     tree DNAME alg14-nsec3.cz.
     tree-insecure DNAME crossing.info.
     *.leap CNAME www.crossing.info.
     www A 198.18.85.1`,
    {
      signing: signing(P256),
      ask: [
        ...['secure', 'insecure', 'there-and-back', 'island', 'nothing-secure', 'nothing-insecure', 'nothing-opt-out'],
        ...[
          'wildcard',
          'unknown',
          'www.tree',
          'deep.down.in.tree TXT',
          'nothing.tree',
          'www.tree-insecure',
          'x.leap',
          'www',
        ],
        ...['back.tree-insecure', 'x.wild.tree', 'secure MX', 'insecure MX'],
      ].map((q) => q.replace(/^(\S+)/, '$1.crossing.cz.')),
    },
  )
  world.zone(
    'crossing.info.',
    ['hosting-b'],
    'www A 198.18.85.2\nback CNAME www.crossing.cz.\ntree DNAME crossing.cz.',
    {
      ask: ['www.crossing.info.', 'back.crossing.info.', 'www.tree.crossing.info.', 'insecure.tree.crossing.info.'],
    },
  )
}
