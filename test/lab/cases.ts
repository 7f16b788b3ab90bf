/** The corners of DNS, each in a zone of its own with the questions that reach it. All servers here behave; where the
 *  data itself makes resolution impossible or a matter of taste the zone's `fate` says so. */

import { dataAddress, type World } from './world.ts'

export function addCases(world: World): void {
  addAliases(world)
  addWildcards(world)
  addDelegations(world)
  addBrokenDelegations(world)
  addSizes(world)
  addNames(world)
  addTypes(world)
  addReverse(world)
}

/** CNAME (RFC 1034 §3.6.2) and DNAME (RFC 6672). */
function addAliases(world: World): void {
  world.zone(
    'chains.com.',
    ['hosting-a', 'hosting-b'],
    `one CNAME two
     two CNAME three
     three CNAME www
     www A 198.18.0.1
     www AAAA 2001:db8::1
     across CNAME middle.chains.net.
     to-nothing CNAME nothing
     to-nothing-far CNAME nothing.chains.net.
     to-text-only CNAME text-only
     text-only TXT "no address here"
     to-broken CNAME www.cyclic-one.com.
     to-wildcard CNAME anything.wild.net.
     to-dname CNAME www.old.dname.org.
     at-apex CNAME chains.com.
     ${chain('link', 8)}
     link8 A 198.18.0.8`,
    {
      ask: [
        ...['one', 'two', 'three', 'www', 'across', 'to-nothing', 'to-nothing-far', 'to-text-only'].map(
          (l) => `${l}.chains.com.`,
        ),
        ...['to-broken', 'to-wildcard', 'to-dname', 'link0', 'link5', 'link8'].map((label) => `${label}.chains.com.`),
        ...['one.chains.com. AAAA', 'one.chains.com. CNAME', 'one.chains.com. MX', 'text-only.chains.com.'],
        ...['at-apex.chains.com. SOA', 'at-apex.chains.com. NS', 'below.one.chains.com. A'],
      ],
    },
  )
  world.zone('chains.net.', ['hosting-c'], 'middle CNAME end.chains.org.\nback CNAME across.chains.com.', {
    ask: ['middle.chains.net.', 'back.chains.net. TXT', 'back.chains.net.'],
  })
  world.zone('chains.org.', ['hosting-d'], 'end A 198.18.0.2', { ask: ['end.chains.org.'] })
  world.zone(
    'loops.com.',
    ['hosting-a'],
    'self CNAME self\nthis CNAME that\nthat CNAME this\nfar CNAME far.loops.net.',
    {
      fate: 'moot',
      ask: ['self.loops.com.', 'this.loops.com.', 'that.loops.com. AAAA', 'far.loops.com.', 'self.loops.com. CNAME'],
    },
  )
  world.zone('loops.net.', ['hosting-b'], 'far CNAME far.loops.com.', { fate: 'moot', ask: ['far.loops.net.'] })
  world.zone('too-many-links.com.', ['hosting-c'], `${chain('link', 40)}\nlink40 A 198.18.0.9`, {
    fate: 'moot',
    ask: ['link0.too-many-links.com.'],
  })
  world.zone(
    'dname.org.',
    ['hosting-a', 'hosting-b'],
    `old DNAME new
     www.new A 198.18.0.3
     mail.new MX 10 www.new
     alias.new CNAME www.new
     far DNAME chains.com.
     nowhere DNAME nothing-here
     old TXT "a DNAME owner may have other data"
     twice DNAME old`,
    {
      ask: [
        ...['www.old', 'alias.old', 'one.far', 'www.nowhere', 'www.twice', 'old'].map((l) => `${l}.dname.org.`),
        ...['old.dname.org. DNAME', 'old.dname.org. TXT', 'mail.old.dname.org. MX', 'a.b.c.old.dname.org.'],
        'www.old.dname.org. CNAME',
      ],
    },
  )
  // knotd 3.2 answers NXDOMAIN where RFC 6672 §2.2 asks for YXDOMAIN, so it is not among the hosts
  const roomyTarget = ['x', 'y', 'z'].map((letter) => letter.repeat(63)).join('.')
  world.zone('dname-long.org.', ['hosting-b', 'hosting-c', 'hosting-d'], `long DNAME ${roomyTarget}`, {
    ask: [`${'q'.repeat(60)}.long.dname-long.org.`, 'short.long.dname-long.org.', 'long.dname-long.org.'],
  })
  world.zone('dname-growing.org.', ['hosting-d'], 'grow DNAME more.grow.dname-growing.org.', {
    fate: 'moot',
    ask: ['www.grow.dname-growing.org.'],
  })
  world.zone('dname-apex.com.', ['hosting-b', 'hosting-d'], '@ DNAME chains.com.\n@ A 198.18.0.4', {
    ask: [
      'dname-apex.com.',
      'www.dname-apex.com.',
      'one.dname-apex.com.',
      'dname-apex.com. DNAME',
      'dname-apex.com. MX',
    ],
  })
}

/** Wildcards (RFC 4592) and empty non-terminals (RFC 8020). */
function addWildcards(world: World): void {
  world.zone(
    'wild.net.',
    ['hosting-a', 'hosting-c'],
    `* A 198.18.0.10
     * TXT "from the wildcard"
     explicit A 198.18.0.11
     a.b A 198.18.0.12
     *.c CNAME explicit
     *.d CNAME nothing.chains.net.
     there.d A 198.18.0.13
     *.f MX 10 explicit`,
    {
      ask: [
        ...['any', 'very.deep.any', 'explicit', 'a.b', 'b', 'x.b', 'x.a.b', 'x.c', 'x.y.c', 'x.d', 'there.d'].map(
          (l) => `${l}.wild.net.`,
        ),
        ...['below.explicit', '*', 'x.f', '*.f'].map((label) => `${label}.wild.net.`),
        ...[
          'any.wild.net. AAAA',
          'any.wild.net. TXT',
          'explicit.wild.net. TXT',
          'x.f.wild.net. MX',
          '*.wild.net. TXT',
          'x.c.wild.net. CNAME',
        ],
      ],
    },
  )
  // a wildcard that is an empty non-terminal; knotd 3.2 and BIND 9.18 prove only half of what follows from it
  world.zone('wild-empty.org.', ['hosting-d'], 'inner.*.e A 198.18.0.14\n* A 198.18.0.15', {
    ask: ['inner.*.e', '*.e', 'x.e', 'x.y.e', 'e', 'x'].map((label) => `${label}.wild-empty.org.`),
  })
  world.zone(
    'empty.org.',
    ['hosting-b', 'hosting-d'],
    'deep.down.in.here TXT "found"\n_x._y.z SRV 0 0 1 deep.down.in.here',
    {
      ask: [
        ...['here', 'in.here', 'down.in.here', 'deep.down.in.here', 'other.in.here', 'z', '_y.z'].map(
          (label) => `${label}.empty.org.`,
        ),
        ...['deep.down.in.here.empty.org. TXT', '_x._y.z.empty.org. SRV', 'under.deep.down.in.here.empty.org. TXT'],
      ],
    },
  )
}

/** Zone cuts that work, in all the ways a delegation can be made. */
function addDelegations(world: World): void {
  // seven zones in a row; hosts return, so that some servers hold a zone and its grandchild
  const hostings = ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d']
  let origin = 'deep.com.'
  for (let depth = 0; depth < 8; depth++) {
    world.zone(origin, [hostings[(depth * 3) % 4]], `www A 198.18.1.${depth}\n@ TXT "depth ${depth}"`, {
      ask: [`www.${origin}`, `${origin} TXT`, `${origin} DS`, `nothing.${origin}`],
    })
    origin = `level${depth + 1}.${origin}`
  }
  world.zone('shared.com.', ['hosting-a'], 'www A 198.18.1.20', { ask: ['www.shared.com.', 'child.shared.com. NS'] })
  world.zone('child.shared.com.', ['hosting-a'], 'www A 198.18.1.21\n@ A 198.18.1.22', {
    ask: [
      'www.child.shared.com.',
      'child.shared.com.',
      'child.shared.com. DS',
      'child.shared.com. SOA',
      'nothing.child.shared.com.',
    ],
  })
  // the child lives with its TLD's server and with another one
  world.zone('with-parent.info.', ['tld-c', 'hosting-b'], 'www A 198.18.1.23', {
    ask: ['www.with-parent.info.', 'with-parent.info. NS'],
  })
  world.zone('glueless.com.', ['hosting-d'], 'www A 198.18.1.24', { ask: ['www.glueless.com.', 'glueless.com. NS'] })
  world.zone('glueless-twice.org.', ['hosting-b'], 'www A 198.18.1.25', {
    nameservers: ['ns.glueless.net.'],
    ask: ['www.glueless-twice.org.'],
  })
  world.zone('glueless.net.', ['hosting-d'], ownAddresses(world, 'ns.glueless.net.', '3.1'), {
    ask: ['ns.glueless.net.'],
  })
  world.nameserver('ns.sibling-host.com.', world.address('3.2'))
  world.zone('sibling-host.com.', ['hosting-b'], world.addressLines('ns.sibling-host.com.').join('\n'))
  world.zone('sibling.com.', ['hosting-b'], 'www A 198.18.1.26', {
    nameservers: ['ns.sibling-host.com.'],
    glue: 'sibling',
    ask: ['www.sibling.com.'],
  })
  // each needs the other's glue, which com gives: solvable for who uses sibling glue, and nobody else
  for (const [one, other] of [
    ['sibling-left.com.', 'sibling-right.com.'],
    ['sibling-right.com.', 'sibling-left.com.'],
  ]) {
    const nsName = `ns.${other}`
    world.nameserver(nsName, world.address('3.1'))
    const own = `ns.${one} A ${world.address('3.1')}`
    const options = { nameservers: [nsName], glue: 'sibling', fate: 'moot', ask: [`www.${one}`] } as const
    world.zone(one, ['hosting-b'], `www A 198.18.1.27\n${own}`, {
      ...options,
      ask: [...options.ask],
      nameservers: [nsName],
    })
  }
  const thirteen = Array.from({ length: 13 }, (_, index) => `${'abcdefghijklm'[index]}.thirteen.com.`)
  for (const [index, nsName] of thirteen.entries())
    world.nameserver(nsName, world.address(index % 2 === 0 ? '2.1' : '2.2'))
  world.zone(
    'thirteen.com.',
    ['hosting-a'],
    `${thirteen.flatMap((n) => world.addressLines(n)).join('\n')}\nwww A 198.18.1.28`,
    {
      nameservers: thirteen,
      ask: ['www.thirteen.com.', 'thirteen.com. NS'],
    },
  )
  const mixedHosts = ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d']
  world.zone('everywhere.net.', mixedHosts, 'www A 198.18.1.29', { ask: ['www.everywhere.net.', 'everywhere.net. NS'] })
  if (world.ipv6) {
    world.host('six', 'typescript', { 'ns.six-only.net.': '::1' })
    world.zone('six-only.net.', ['six'], `ns AAAA ::1\nwww AAAA 2001:db8::6`, { ask: ['www.six-only.net. AAAA'] })
  }
}

/** Delegations that lead nowhere, or only partly. */
function addBrokenDelegations(world: World): void {
  for (const [one, other] of [
    ['cyclic-one.com.', 'cyclic-two.net.'],
    ['cyclic-two.net.', 'cyclic-one.com.'],
  ])
    world.zone(one, ['hosting-a'], `www A 198.18.2.1\nns A ${world.address('2.1')}`, {
      nameservers: [`ns.${other}`],
      fate: 'broken',
      ask: [`www.${one}`, `${one} NS`, `nothing.${one} MX`],
    })
  world.zone('no-glue.org.', ['hosting-b'], `www A 198.18.2.2\nns A ${world.address('3.1')}`, {
    nameservers: ['ns.no-glue.org.'],
    glue: 'none',
    fate: 'broken',
    ask: ['www.no-glue.org.'],
  })
  world.zone('ns-nowhere.com.', ['hosting-b'], 'www A 198.18.2.3', {
    nameservers: ['ns.nothing-there.chains.org.'],
    fate: 'broken',
    ask: ['www.ns-nowhere.com.'],
  })
  // ns2.sheet-bend.net and others know nothing of these zones: they refuse, as lame servers do
  world.zone('half-lame.net.', ['hosting-c'], 'www A 198.18.2.4', {
    nameservers: ['ns1.sheet-bend.net.', 'ns1.clove-hitch.com.', 'ns1.reef-knot.org.'],
    ask: ['www.half-lame.net.', 'half-lame.net. SOA', 'nothing.half-lame.net.'],
  })
  world.zone('all-lame.net.', [], 'www A 198.18.2.5', {
    nameservers: ['ns1.sheet-bend.net.', 'ns1.clove-hitch.com.', 'ns1.reef-knot.org.'],
    fate: 'broken',
    ask: ['www.all-lame.net.', 'all-lame.net. NS'],
  })
  // nobody listens there
  world.nameserver('ns.dead-host.com.', world.address('99.1'))
  world.zone('dead-host.com.', [], 'www A 198.18.2.6', {
    nameservers: ['ns.dead-host.com.'],
    fate: 'broken',
    ask: ['www.dead-host.com.'],
  })
  world.nameserver('ns1.half-dead.com.', world.address('99.2'))
  world.nameserver('ns2.half-dead.com.', world.address('5.1'))
  world.zone(
    'half-dead.com.',
    ['hosting-d'],
    `ns1 A ${world.address('99.2')}\nns2 A ${world.address('5.1')}\nwww A 198.18.2.7`,
    {
      nameservers: ['ns1.half-dead.com.', 'ns2.half-dead.com.'],
      ask: ['www.half-dead.com.'],
    },
  )
  // RFC 2181 §10.3: an NS must not name an alias. Some resolvers follow it all the same
  world.zone('ns-alias-host.org.', ['hosting-c'], 'alias CNAME ns1.reef-knot.org.')
  world.zone('ns-alias.org.', ['hosting-c'], 'www A 198.18.2.8', {
    nameservers: ['alias.ns-alias-host.org.'],
    fate: 'moot',
    ask: ['www.ns-alias.org.'],
  })
}

/** Answers beyond 512, 1232, 4096 octets and beyond what UDP can carry, and TTLs of nothing. */
function addSizes(world: World): void {
  const strings = (count: number) =>
    Array.from({ length: count }, (_, index) => `"${String(index % 10).repeat(250)}"`).join(' ')
  const addresses = (owner: string, count: number, from: number) =>
    Array.from({ length: count }, (_, index) => `${owner} A ${dataAddress(0x8000 + from + index)}`).join('\n')
  const exchanges = Array.from(
    { length: 60 },
    (_, index) => `many MX ${index} mail${index}.large-mail-exchangers.large`,
  )
  world.zone(
    'large.com.',
    ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d'],
    `text600 TXT ${strings(2)}
     text1300 TXT ${strings(5)}
     text4500 TXT ${strings(18)}
     text9000 TXT ${strings(36)}
     text30000 TXT ${strings(120)}
     text60000 TXT ${strings(240)}
     ${addresses('a30', 30, 0)}
     ${addresses('a90', 90, 100)}
     alias CNAME text4500
     ${exchanges.join('\n')}`,
    {
      ask: [
        ...[600, 1300, 4500, 9000, 30000, 60000].map((size) => `text${size}.large.com. TXT`),
        ...['a30.large.com.', 'a90.large.com.', 'alias.large.com. TXT', 'many.large.com. MX', 'many.large.com. A'],
      ],
    },
  )
  // beyond 100 records a set some resolvers refuse, by default
  world.zone(
    'huge.com.',
    ['hosting-b', 'hosting-d'],
    `${addresses('a240', 240, 300)}\n${addresses('a1500', 1500, 600)}`,
    {
      fate: 'moot',
      ask: ['a240.huge.com.', 'a1500.huge.com.'],
    },
  )
  world.zone(
    'no-ttl.net.',
    ['hosting-b'],
    'www 0 A 198.18.3.1\nalias 0 CNAME www\nmixed 0 CNAME kept\nkept 3600 A 198.18.3.2',
    {
      ask: ['www.no-ttl.net.', 'alias.no-ttl.net.', 'mixed.no-ttl.net.', 'nothing.no-ttl.net.'],
    },
  )
  world.zone('long-ttl.net.', ['hosting-c'], 'www 2147483647 A 198.18.3.3\nweek 604800 A 198.18.3.4', {
    ask: ['www.long-ttl.net.', 'week.long-ttl.net.'],
  })
}

/** Owners of every shape RFC 1035 §2.3 and RFC 2181 §11 allow. */
function addNames(world: World): void {
  world.zone(
    'MiXeD-cAsE.org.'.toLowerCase(),
    ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d'],
    'WwW A 198.18.4.1\nmail MX 10 WWW.Mixed-Case.ORG.',
    {
      ask: ['www.mixed-case.org.', 'WWW.MIXED-CASE.ORG.', 'mail.mixed-case.org. MX', 'wWw.MiXeD-cAsE.oRg. AAAA'],
    },
  )
  world.zone(
    'underscores.com.',
    ['hosting-c'],
    '_leading A 198.18.4.2\nin_the_middle A 198.18.4.3\n_25._tcp.mail TLSA 3 1 1 00ff\n_ TXT "alone"',
    {
      ask: [
        '_leading.underscores.com.',
        'in_the_middle.underscores.com.',
        '_25._tcp.mail.underscores.com. TLSA',
        '_.underscores.com. TXT',
        '_tcp.mail.underscores.com.',
      ],
    },
  )
  const labels = [
    'a\\.dot',
    'back\\\\slash',
    'sp\\032ace',
    'nul\\000nul',
    'semi\\;colon',
    'at\\@sign',
    'quo\\"te',
    'dollar\\$',
    'paren\\(s\\)',
    'high\\200\\255',
  ]
  const escapes = labels.map((label, index) => `${label} A 198.18.4.${16 + index}`)
  world.zone('escapes.org.', ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d'], escapes.join('\n'), {
    ask: [...labels.map((label) => `${label}.escapes.org.`), 'a.dot.escapes.org.', '\\097\\.dot.escapes.org.'],
  })
  const [label, other] = ['a'.repeat(63), 'b'.repeat(63)]
  const longest = `${'e'.repeat(49)}.${'f'.repeat(63)}.${'g'.repeat(63)}.${'h'.repeat(63)}` // 255 octets with the zone's name
  const single = Array.from({ length: 60 }, (_, index) => index % 10).join('.')
  world.zone(
    'lengths.net.',
    ['hosting-b', 'hosting-c', 'hosting-d'],
    `${label} A 198.18.4.40\n${label}.${other} A 198.18.4.41\n${longest} A 198.18.4.42\n${single} A 198.18.4.43`,
    {
      ask: [label, `${label}.${other}`, other, longest, single, single.slice(2), `${'c'.repeat(63)}.${other}`].map(
        (owner) => `${owner}.lengths.net.`,
      ),
    },
  )
  world.zone('xn--bcher-kva.com.', ['hosting-d'], 'www A 198.18.4.50\nxn--strae-oqa A 198.18.4.51', {
    ask: ['www.xn--bcher-kva.com.', 'xn--strae-oqa.xn--bcher-kva.com.', 'XN--BCHER-KVA.com. NS'],
  })
  world.zone('xn--fiqs8s.xn--j1amh.', ['hosting-b'], '@ A 198.18.4.52', { ask: ['xn--fiqs8s.xn--j1amh.'] })
  world.zone('1.org.', ['hosting-a'], '@ A 198.18.4.53\n1 A 198.18.4.54\n1.1 A 198.18.4.55', {
    ask: ['1.org.', '1.1.org.', '1.1.1.org.', '2.1.1.org.'],
  })
}

/** Every type with a text form that all four servers read; the rest where two or one of them does. */
function addTypes(world: World): void {
  const common = `a A 198.18.5.1
    aaaa AAAA 2001:db8::5:1
    cname CNAME a
    ptr PTR a
    hinfo HINFO "VAX-11/780" "UNIX"
    minfo MINFO admin.mail errors.mail
    mx MX 10 a
    txt TXT "one" "two words" "" "quo\\"te" "back\\\\slash" "\\000\\255"
    rp RP admin.mail txt
    afsdb AFSDB 1 a
    rt RT 10 a
    loc LOC 37 46 29.744 N 122 25 9.904 W 32.00m 1m 10000m 10m
    srv SRV 1 2 3 a
    naptr NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp
    kx KX 10 a
    cert CERT 1 12179 3 AxEYQw8XCg==
    apl APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32
    sshfp SSHFP 1 1 dd465c09cfa51fb45020cc83316fff21b9ec74ac
    ipseckey IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
    dhcid DHCID AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No=
    tlsa TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
    smimea SMIMEA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
    openpgpkey OPENPGPKEY AQIDBAUGBwgJCgsMDQ4P
    csync CSYNC 66 3 A NS AAAA
    svcb SVCB 1 a alpn=h2 port=8443 ipv4hint=198.18.5.2 ipv6hint=2001:db8::5:2
    alias-mode SVCB 0 svcb
    https HTTPS 1 . alpn=h2,h3
    https-hints HTTPS 16 a mandatory=alpn alpn=h2 no-default-alpn
    spf SPF "v=spf1 -all"
    nid NID 10 0014:4fff:ff20:ee64
    l32 L32 10 10.1.2.0
    l64 L64 10 2001:0db8:1140:1000
    lp LP 10 l64
    eui48 EUI48 00-00-5e-00-53-2a
    eui64 EUI64 00-00-5e-ef-10-00-00-2a
    uri URI 10 1 "ftp://ftp1.example.org/public"
    caa CAA 0 issue "ca1.example.net"
    caa CAA 128 iodef "mailto:security@example.org"
    dname DNAME a
    unknown TYPE65280 \\# 4 0a000001
    empty TYPE65281 \\# 0
    all A 198.18.5.3
    all AAAA 2001:db8::5:3
    all MX 5 all
    all TXT "all"`
  const ask = common.split('\n').map((line) => line.trim().split(/\s+/).slice(0, 2))
  world.zone('types.org.', ['hosting-a', 'hosting-b', 'hosting-c', 'hosting-d'], common, {
    ask: [...ask.map(([owner, type]) => `${owner}.types.org. ${type}`), 'a.types.org. TYPE65280', 'txt.types.org. LOC'],
  })
  const rare = `x25 X25 "311061700956"
    isdn ISDN "150862028003217" "004"
    px PX 50 a b
    nsap NSAP 0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00
    a A 198.18.5.4`
  world.zone('rare-types.info.', ['hosting-b', 'hosting-c'], rare, {
    ask: ['x25 X25', 'isdn ISDN', 'px PX', 'nsap NSAP'].map((question) => question.replace(' ', '.rare-types.info. ')),
  })
  // RFC 8482: what ANY brings is the server's choice, and the resolver's
  world.zone('any.org.', ['hosting-a'], 'www A 198.18.5.5\nwww TXT "for ANY"', {
    fate: 'moot',
    ask: ['www.any.org. ANY'],
  })
}

/** PTR, and the classless delegation of RFC 2317. */
function addReverse(world: World): void {
  world.zone(
    '18.198.in-addr.arpa.',
    ['hosting-c', 'hosting-d'],
    ['1.0 PTR www.chains.com.', ...Array.from({ length: 16 }, (_, host) => `${host}.7 CNAME ${host}.0/28.7`)].join(
      '\n',
    ),
    {
      ask: [
        '1.0.18.198.in-addr.arpa. PTR',
        '3.7.18.198.in-addr.arpa. PTR',
        '9.9.18.198.in-addr.arpa. PTR',
        '0.18.198.in-addr.arpa. PTR',
      ],
    },
  )
  world.zone('0/28.7.18.198.in-addr.arpa.', ['hosting-a'], '3 PTR host-three.chains.org.', {
    ask: ['3.0/28.7.18.198.in-addr.arpa. PTR', '4.7.18.198.in-addr.arpa. PTR'],
  })
}

/** `stem0 CNAME stem1` and so on, `count` links. */
function chain(stem: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${stem}${index} CNAME ${stem}${index + 1}`).join('\n')
}

/** Registers an NS name and gives its address line, relative owner included. */
function ownAddresses(world: World, nsName: string, tail: string): string {
  world.nameserver(nsName, world.address(tail))
  return world.addressLines(nsName).join('\n')
}
