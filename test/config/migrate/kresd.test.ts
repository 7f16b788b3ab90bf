import { expect } from 'chai'
import { findingOf, isAccepted, loaded, migrated, migratedSample, told } from './migrated.ts'

const kresd = (...lines: string[]) => migrated(lines.join('\n'), 'kresd')

describe('a configuration of kresd', () => {
  describe('of a home', () => {
    const migration = migratedSample('home.lua')
    const config = loaded(migration)

    it('keeps where it listens, but for TLS', () => {
      const interfaces = config.network.listen.map((listener) => listener.interface)
      expect(interfaces).to.deep.equal([['192.0.2.53@53'], ['::1@5353', 'lo@5353']])
    })

    it('keeps what its modules did', () => {
      expect(config.options['serve-stale'].enable).to.equal(true)
      expect(config.dns64).to.deep.include({ enable: true, prefix: ['2001:db8:64::/96'] })
      expect(config.dnssec.sentinel).to.equal(false)
    })

    it('keeps its policies', () => {
      expect(config.forward.map(({ subtree, options }) => [options.dnssec, ...subtree])).to.deep.equal([
        [false, 'corp.example.org', '10.in-addr.arpa'],
        [true, '.'],
      ])
      const rules = config['local-data'].rules.map(({ name, subtree, exact, message }) => [
        subtree ?? exact,
        message,
        ...name,
      ])
      expect(rules).to.deep.equal([
        ['nxdomain', 'not here', 'ads.example.net.'],
        ['refused', undefined, 'example.net.'],
      ])
      expect(config.views.map(({ subnets, answer }) => [answer, ...subnets])).to.deep.equal([
        ['refused', '198.51.100.0/24'],
      ])
    })

    it('keeps its hosts', () =>
      expect(config['local-data'].addresses).to.deep.equal({ 'printer.example.org': ['192.0.2.9', '2001:db8::9'] }))

    it('leaves out what is a program, what there is not and what is not known', () =>
      expect(told(migration, 'left-out')).to.deep.equal([
        '4 net.listen',
        '6 modules',
        '27 policy.add',
        '37 Lua',
        '40 Lua',
        '43 unheard.of',
      ]))
  })

  it('listens where kresd does when it names nothing', () =>
    expect(loaded(kresd('cache.size = 10*MB')).network.listen[0].interface).to.deep.equal(['127.0.0.1@53', '::1@53']))

  it('never asks over plain UDP what was asked over TLS', () => {
    const migration = kresd("policy.add(policy.all(policy.TLS_FORWARD({{'192.0.2.1', insecure = true}})))")
    expect(loaded(migration).forward).to.deep.equal([])
    expect(findingOf(migration, 'policy.add')?.note).to.include('hostname or pin_sha256')
  })

  it('tells that keys are compared otherwise', () => {
    const pin = 'OLzhpgEZsWqJu6Lc1aRPGqjXVGGoG+gM44Cok/rAUqM='
    const migration = kresd(`policy.add(policy.all(policy.TLS_FORWARD({{'192.0.2.1', pin_sha256 = '${pin}'}})))`)
    expect(migration.config.forward).to.deep.equal([
      { subtree: ['.'], servers: [{ address: '192.0.2.1', transport: 'tls', 'pin-sha256': [pin] }] },
    ])
    expect(findingOf(migration, 'policy.add')?.outcome).to.equal('translated')
  })

  it('keeps limits, sources and switches', () => {
    const migration = kresd(
      'net.bufsize(1400, 1300)',
      "net.outgoing_v4('192.0.2.3')",
      'net.ipv6 = false',
      "cache.open(50 * MB, 'lmdb:///var/cache/knot-resolver')",
      'cache.min_ttl(10)',
      "mode('strict')",
      "option('NO_MINIMIZE', true)",
      "trust_anchors.add_file('/etc/keys/island.key', true)",
      "trust_anchors.add('island.example. DS 1 8 2 00')",
      "modules = { prefill = { ['.'] = { url = 'https://www.internic.net/domain/root.zone', interval = 86400 } } }",
    )
    expect(isAccepted(migration)).to.equal(true)
    expect(migration.config).to.deep.include({
      network: {
        'do-ipv6': false,
        'out-interface-v4': '192.0.2.3',
        'edns-buffer-size': { upstream: '1300B', downstream: '1400B' },
        listen: [{ interface: ['127.0.0.1@53', '::1@53'] }],
      },
      cache: {
        storage: '/var/cache/bowline',
        'size-max': '50M',
        'ttl-min': '10s',
        prefill: [{ origin: '.', url: 'https://www.internic.net/domain/root.zone', 'refresh-interval': '1d' }],
      },
      options: { minimize: false, 'glue-checking': 'strict' },
      dnssec: {
        'trust-anchors': ['island.example. DS 1 8 2 00'],
        'trust-anchors-files': [{ file: '/etc/keys/island.key', 'read-only': true }],
      },
    })
  })

  it('takes names that were set before for what they were set to', () => {
    const migration = kresd("inside = policy.todnames({'a.example'})", 'policy.add(policy.suffix(policy.DENY, inside))')
    expect(loaded(migration)['local-data'].rules[0].name).to.deep.equal(['a.example'])
    expect(told(migration, 'left-out')).to.deep.equal([])
  })

  it('is not told of addresses that need not be there when they are there', () => {
    const outcomes = ["'::1'", "'2001:db8::53'"].map(
      (address) => findingOf(kresd(`net.listen(${address}, 53, { freebind = true })`), 'net.listen')?.outcome,
    )
    expect(outcomes).to.deep.equal(['taken', 'translated'])
  })

  it('leaves out calls whose values it does not understand', () => {
    const migration = kresd(
      'net.listen(where())',
      'cache.size = how_much',
      "policy.add(policy.suffix(mine, 'a'))",
      'mode()',
    )
    expect(told(migration, 'left-out')).to.deep.equal(['1 net.listen', '2 cache.size', '3 policy.add', '4 mode'])
  })
})
