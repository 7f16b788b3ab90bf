import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { SERVER } from '../../../src/config/migrate/unbound-server.ts'
import { CLAUSES } from '../../../src/config/migrate/unbound-text.ts'
import { findPeer, needPeer } from '../../peers.ts'
import { runToEnd } from '../../supervisor/command.ts'
import { findingOf, isAccepted, loaded, migrated, migratedSample, samplePath, told } from './migrated.ts'

const server = (...lines: string[]) => migrated(`server:\n${lines.map((line) => `  ${line}\n`).join('')}`)

describe('a configuration of Unbound', () => {
  describe('of an office', () => {
    const migration = migratedSample('office.conf')
    const config = loaded(migration)

    it('keeps where it listens and how much it may take', () => {
      expect(config.network.listen.map((listener) => listener.interface)).to.deep.equal([
        ['192.0.2.53@53'],
        ['2001:db8::53@5353'],
      ])
      expect(config.workers).to.equal(4)
      expect(config.cache).to.include({ 'size-max': 192 * 1024 ** 2, 'ttl-min': 60, 'ttl-max': 43_200 })
      expect(config.network['edns-buffer-size']).to.deep.equal({ upstream: 1400, downstream: 1232 })
    })

    it('serves nobody whom Unbound did not serve', () => {
      const views = config.views.map(({ subnets, answer }) => [answer, ...subnets])
      expect(views).to.deep.equal([
        ['refused', '0.0.0.0/0', '::/0'],
        ['allow', '127.0.0.0/8', '::1/128'],
        ['allow', '192.0.2.0/24', '2001:db8::/32'],
        ['noanswer', '192.0.2.200/32'],
        ['refused', '198.51.100.0/24'],
      ])
    })

    it('keeps its servers for zones', () => {
      const forwards = config.forward.map(({ subtree, servers, options }) => [
        subtree[0],
        servers === 'recurse' ? servers : servers.map(({ address, transport }) => `${transport} ${address}`).join(),
        options.authoritative,
      ])
      expect(forwards).to.deep.equal([
        ['.', 'tls 192.0.2.1,tls 2001:db8::1', false],
        ['dnsbl.example.org.', 'recurse', false],
        ['partner.example.org.', 'udp 198.51.100.2@5300', true],
        ['2.0.192.in-addr.arpa.', 'recurse', false],
      ])
    })

    it('keeps the names it answers by itself', () => {
      expect(config['local-data'].records?.trim().split('\n')).to.deep.equal([
        'printer.corp.example.org. 3600 A 192.0.2.9',
        'note.corp.example.org. 600 TXT "as you like it"',
        '9.2.0.192.in-addr.arpa. 3600 PTR printer.corp.example.org.',
      ])
      const rules = config['local-data'].rules.map(({ name, subtree, exact }) => [subtree ?? exact, ...name])
      expect(rules).to.deep.equal([
        [undefined],
        ['nxdomain', 'ads.example.net.', 'corp.example.org.'],
        ['empty', 'corp.example.org.'],
        ['pass', 'lab.corp.example.org.'],
        ['redirect', 'shop.example.net.'],
        ['log', 'watched.example.net.'],
        ['redirect', 'gone.example.net.'],
      ])
    })

    it('keeps what is trusted, and what is not validated', () => {
      expect(config.dnssec['trust-anchors']).to.have.lengthOf(1)
      expect(config.dnssec['negative-trust-anchors']).to.deep.equal(['corp.example.org'])
      expect(config.dns64).to.deep.include({ enable: true, prefix: ['2001:db8:64::/96'] })
    })

    it('leaves out what Bowline does not hide', () =>
      expect(told(migration, 'left-out')).to.deep.equal(['44 server/hide-identity']))

    it('says something of each setting', () => {
      const text = readFileSync(samplePath('office.conf'), 'utf8')
      const lines = text.split('\n').flatMap((line, at) => (/^\s+[a-z0-9-]+:/.test(line) ? [at + 1] : []))
      const known = new Set(migration.report.map(({ place }) => place?.line))
      const inClause = ['name:', 'control-enable:']
      const silent = lines.filter((line) => !known.has(line))
      expect(silent.filter((line) => !inClause.some((name) => text.split('\n')[line - 1].includes(name)))).to.be.empty
    })

    it('is one that Unbound takes', async function () {
      needPeer(this, 'unbound-checkconf')
      const folder = mkdtempSync(join(tmpdir(), 'bowline-migrate-'))
      try {
        const [key, file] = [join(folder, 'root.key'), join(folder, 'unbound.conf')]
        writeFileSync(key, '. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n')
        const text = readFileSync(samplePath('office.conf'), 'utf8').replace('/var/lib/unbound/root.key', key)
        writeFileSync(file, text.replace('server:', `server:\n directory: "${folder}"\n username: ""\n chroot: ""`))
        const { code, stderr } = await runToEnd(findPeer('unbound-checkconf') as string, [file])
        expect(stderr).to.equal('')
        expect(code).to.equal(0)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  })

  it('listens where Unbound does when it names nothing', () => {
    expect(loaded(server('num-threads: 1')).network.listen[0].interface).to.deep.equal(['127.0.0.1@53', '::1@53'])
    expect(loaded(server('do-ip6: no', 'port: 5353')).network.listen[0].interface).to.deep.equal(['127.0.0.1@5353'])
  })

  it('does not listen for TLS', () => {
    const migration = server('interface: 192.0.2.1@853', 'interface: ::0@8853', 'interface: ::0', 'tls-port: 8853')
    expect(loaded(migration).network.listen.map((listener) => listener.interface)).to.deep.equal([['::@53']])
    expect(told(migration, 'left-out')).to.deep.equal(['2 server/interface', '3 server/interface', '5 server/tls-port'])
  })

  it('takes the last word on a network, and leaves out what it does not know', () => {
    const migration = server('access-control: 0.0.0.0/0 allow', 'access-control: 192.0.2.0/24 perhaps')
    const views = loaded(migration).views.map(({ subnets, answer }) => [answer, ...subnets])
    expect(views[0]).to.deep.equal(['allow', '0.0.0.0/0'])
    expect(told(migration, 'left-out')).to.deep.equal(['3 server/access-control'])
  })

  it('never asks over plain UDP what was asked over TLS', () => {
    const zone = 'forward-zone:\n  name: "."\n  forward-tls-upstream: yes\n'
    const migration = migrated(`${zone}  forward-addr: 192.0.2.1\n  forward-host: dns.example.net\n`)
    expect(loaded(migration).forward).to.deep.equal([])
    expect(told(migration, 'left-out')).to.deep.equal([
      '1 forward-zone',
      '4 forward-zone/forward-addr',
      '5 forward-zone/forward-host',
    ])
    const bundle = server('tls-cert-bundle: "/etc/ca.pem"', 'tls-upstream: yes').config
    expect(bundle).to.not.have.property('forward')
    const both = migrated(`server:\n tls-cert-bundle: ca.pem\n${zone}  forward-addr: 192.0.2.1@8853#dns.example.net\n`)
    expect(both.config.forward).to.deep.equal([
      {
        subtree: '.',
        servers: [
          {
            address: '192.0.2.1@8853',
            transport: 'tls',
            hostname: 'dns.example.net',
            'ca-file': '/etc/unbound/ca.pem',
          },
        ],
      },
    ])
  })

  it('takes the root zone as a whole from where it was taken from', () => {
    const zone = (...lines: string[]) =>
      migrated(`auth-zone:\n  name: "."\n${lines.map((line) => `  ${line}\n`).join('')}`)
    expect(zone('primary: 192.0.2.1', 'zonefile: root.zone').config.cache).to.deep.equal({
      prefill: [{ origin: '.', url: 'axfr://192.0.2.1' }],
    })
    expect(told(zone('zonefile: root.zone'), 'left-out')).to.include('1 auth-zone')
  })

  it('knows what most of its settings are', () => {
    expect(Object.keys(SERVER).length).to.be.above(200)
    const migration = server(...Object.keys(SERVER).map((name) => `${name}: 1`))
    expect(isAccepted(migration)).to.equal(true)
    const known = new Set(migration.report.map(({ setting }) => setting))
    expect(Object.keys(SERVER).filter((name) => !known.has(`server/${name}`))).to.deep.equal([])
  })

  it('survives any value of any setting', () => {
    for (const value of ['', 'yes', 'no', '""', '-1', '1e9', 'a b c', '::', '[x', '99999999999999999999', "'\"'"]) {
      const settings = server(...Object.keys(SERVER).map((name) => `${name}: ${value}`))
      expect(isAccepted(settings), value).to.equal(true)
      for (const clause of CLAUSES) {
        const names = ['name', 'stub-addr', 'forward-addr', 'url'].map((name) => `  ${name}: ${value}\n`)
        expect(isAccepted(migrated(`${clause}:\n${names.join('')}`)), `${clause} ${value}`).to.equal(true)
      }
    }
  })

  it('protects from private addresses, and tells which networks it cannot', () => {
    const migration = server('private-address: 10.0.0.0/8', 'private-address: fd00::/8', 'private-address: 9.9.9.0/24')
    expect(loaded(migration).options['rebinding-protection']).to.equal(true)
    expect(told(migration, 'taken')).to.include('3 server/private-address')
    expect(told(migration, 'left-out')).to.deep.equal(['4 server/private-address'])
  })

  it('makes one rule of a long list', () => {
    const names = Array.from({ length: 2000 }, (_, at) => `name-${at}.example.net`)
    const denied = names.map((name) => `local-zone: "${name}" always_nxdomain`)
    const led = names.flatMap((name) => [`local-zone: "o.${name}" redirect`, `local-data: "o.${name} 60 A 192.0.2.1"`])
    const { rules } = loaded(server(...denied, ...led))['local-data']
    expect(rules.map(({ name, subtree, address, ttl }) => [name.length, subtree, address, ttl])).to.deep.equal([
      [2000, 'nxdomain', [], undefined],
      [2000, 'redirect', ['192.0.2.1'], 60],
    ])
  })

  it('takes the first of two zones of one name', () => {
    const migration = server('local-zone: a.example static', 'local-zone: A.example. refuse')
    expect(told(migration, 'not-needed')).to.deep.equal(['3 server/local-zone'])
  })

  it('has no need of what is empty', () => {
    const migration = server('root-hints: ""', 'chroot: ""', 'nsid: ascii_dns1')
    expect(told(migration, 'not-needed')).to.deep.equal(['2 server/root-hints', '3 server/chroot'])
    expect(loaded(migration).nsid).to.equal('dns1')
  })

  it('says what it does not know', () => {
    expect(findingOf(server('no-such-thing: 5'), 'server/no-such-thing')).to.include({
      outcome: 'left-out',
      value: '5',
    })
  })
})
