import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { BowlineError } from '../src/config/error.ts'
import { makeConfig } from '../src/config/load.ts'
import type { ConfigInput } from '../src/config/schema.ts'
import { ROOT_ANCHORS } from '../src/dnssec/trust-anchors.ts'
import { defaultSettings, type Settings } from '../src/settings.ts'
import { cacheOptionsFromConfig, settingsFromConfig, transportOptionsFromConfig } from '../src/settings-from-config.ts'
import { nameFromText, nameToText } from '../src/wire/name.ts'
import { machine } from './config/machine.ts'

const settingsOf = (written: ConfigInput) => settingsFromConfig(makeConfig(written, machine))

describe('settingsFromConfig', () => {
  it('gives the defaults of the core for the defaults of the configuration, and the name of the machine', () => {
    expect(settingsOf({})).to.deep.equal({ ...defaultSettings, hostname: machine.hostname })
  })

  const budget = defaultSettings.limits
  const changes: [written: ConfigInput, expected: Partial<Settings>][] = [
    [{ hostname: 'a.example.org' }, { hostname: 'a.example.org' }],
    [{ nsid: 'a' }, { nsid: 'a' }],
    [{ network: { 'do-ipv4': false } }, { doIpv4: false }],
    [{ network: { 'do-ipv6': false } }, { doIpv6: false }],
    [{ network: { 'edns-buffer-size': { upstream: '4K' } } }, { ednsBufferSize: { upstream: 4096, downstream: 1232 } }],
    [
      { network: { 'edns-buffer-size': { downstream: '512B' } } },
      { ednsBufferSize: { upstream: 1232, downstream: 512 } },
    ],
    [{ options: { minimize: false } }, { minimise: false }],
    [{ options: { 'query-case-randomization': false } }, { caseRandomization: false }],
    [{ options: { 'glue-checking': 'strict' } }, { glueChecking: 'strict' }],
    [{ options: { 'query-loopback': true } }, { queryLoopback: true }],
    [{ options: { priming: false } }, { priming: false }],
    [{ options: { 'refuse-no-rd': false } }, { refuseNoRd: false }],
    [{ options: { 'reorder-rrset': false } }, { reorderRrset: false }],
    [{ options: { 'request-budget': { mode: 'shadow' } } }, { ledgerMode: 'shadow' }],
    [{ options: { 'request-budget': { received: '1M' } } }, { limits: { ...budget, received: 1024 ** 2 } }],
    [{ options: { 'request-budget': { time: '5s', depth: 3 } } }, { limits: { ...budget, time: 5000, depth: 3 } }],
    [{ dnssec: { enable: false } }, { validate: false }],
    [{ dnssec: { sentinel: false } }, { sentinel: false }],
    [{ dnssec: { 'signal-query': false } }, { signalQuery: false }],
    [{ dnssec: { 'log-bogus': true } }, { logBogus: true }],
    [{ dnssec: { 'allow-sha1': false } }, { sha1: false }],
    [{ dnssec: { 'nsec3-max-iterations': 0 } }, { maxNsec3Iterations: 0 }],
    [
      { dnssec: { 'negative-trust-anchors': ['broken.example.org'] } },
      { negativeTrustAnchors: [nameFromText('broken.example.org.')] },
    ],
  ]
  for (const [written, expected] of changes)
    it(JSON.stringify(written), () =>
      expect(settingsOf(written)).to.deep.equal({ ...defaultSettings, hostname: machine.hostname, ...expected }),
    )

  describe('with files', () => {
    let folder: string
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'bowline-settings-'))
    })
    after(() => rmSync(folder, { recursive: true }))

    function write(name: string, text: string): string {
      const file = join(folder, name)
      writeFileSync(file, text)
      return file
    }

    it('reads root hints', () => {
      const file = write('root.hints', '. 3600 NS a.example.\n. 3600 NS b.example.\na.example. 3600 A 192.0.2.1\n')
      expect(settingsOf({ options: { 'root-hints-file': file } }).rootHints).to.deep.equal([
        { name: nameFromText('a.example.'), addresses: [Uint8Array.of(192, 0, 2, 1)] },
      ])
    })

    it('adds trust anchors of several zones, and joins those of one', () => {
      const file = write('keys', '$ORIGIN example.org.\n@ DS 2 13 2 0002\nexample.net. IN DS 3 13 2 0003\n')
      const { trustAnchors } = settingsOf({
        dnssec: {
          'trust-anchors': ['EXAMPLE.org. 3600 IN DS 1 13 2 0001'],
          'trust-anchors-files': [{ file, 'read-only': true }],
        },
      })
      const seen = trustAnchors.map(
        ({ zone, ds }) => `${nameToText(zone).toLowerCase()} ${ds.map((rdata) => rdata[1])}`,
      )
      expect(seen).to.have.members([
        `. ${ROOT_ANCHORS[0].ds.map((rdata) => rdata[1])}`,
        'example.org. 1,2',
        'example.net. 3',
      ])
    })

    it('lets the trust anchors of a zone take the place of the built-in ones', () => {
      const { trustAnchors } = settingsOf({ dnssec: { 'trust-anchors': ['. DS 7 13 2 0007'] } })
      expect(trustAnchors.map(({ zone, ds }) => [nameToText(zone), ds.length])).to.deep.equal([['.', 1]])
    })

    const refused: [title: string, written: () => ConfigInput, code: string, message: RegExp][] = [
      [
        'root hints without an address',
        () => ({ options: { 'root-hints-file': write('empty.hints', '. 3600 NS a.example.\n') } }),
        'root-hints-file',
        /^options\/root-hints-file: .*empty\.hints names no root server with an address; name a file like IANA's named\.root/,
      ],
      [
        'root hints that are no records',
        () => ({ options: { 'root-hints-file': write('bad.hints', 'these are no records\n') } }),
        'root-hints-file',
        /^options\/root-hints-file: .*bad\.hints cannot be used \(.*\); name a file/,
      ],
      [
        'a trust anchor with damaged data',
        () => ({ dnssec: { 'trust-anchors': ['. DS 1 13 2 00', '. DS 1 13 2 xyz'] } }),
        'trust-anchors',
        /^dnssec\/trust-anchors\/1: \. DS 1 13 2 xyz cannot be used \(.*\); write DS or DNSKEY records as in a zone file$/,
      ],
      [
        'a file without trust anchors',
        () => ({
          dnssec: { 'trust-anchors-files': [{ file: write('no.keys', '. 3600 NS a.example.\n'), 'read-only': true }] },
        }),
        'trust-anchors',
        /^dnssec\/trust-anchors-files\/0\/file: .*no\.keys holds no trust anchor; write DS or DNSKEY records/,
      ],
      [
        'a negative trust anchor that is no name',
        () => ({ dnssec: { 'negative-trust-anchors': ['a..example.org'] } }),
        'negative-trust-anchors',
        /^dnssec\/negative-trust-anchors\/0: a\.\.example\.org is no domain name \(.*\); correct it$/,
      ],
    ]
    for (const [title, written, code, message] of refused)
      it(`refuses ${title}`, () =>
        expect(() => settingsOf(written()))
          .to.throw(BowlineError, message)
          .with.property('code', code))
  })
})

describe('cacheOptionsFromConfig', () => {
  it('gives seconds, denials for no longer than other data', () => {
    const cache = (written: ConfigInput['cache']) => cacheOptionsFromConfig(makeConfig({ cache: written }, machine))
    expect(cache({})).to.deep.equal({ ttlMin: 5, ttlMax: 86_400, negativeTtlMax: 10_800 })
    expect(cache({ 'ttl-min': '1m', 'ttl-max': '1h' })).to.deep.equal({
      ttlMin: 60,
      ttlMax: 3600,
      negativeTtlMax: 3600,
    })
  })
})

describe('transportOptionsFromConfig', () => {
  it('gives the source addresses of both families and the families in use', () => {
    const network = { 'out-interface-v4': '192.0.2.1', 'out-interface-v6': ['2001:db8::/64'], 'do-ipv6': false }
    expect(transportOptionsFromConfig(makeConfig({ network }, machine))).to.deep.equal({
      sourceAddresses: ['192.0.2.1', '2001:db8::/64'],
      ipv4: true,
      ipv6: false,
    })
  })
})
