import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { expect } from 'chai'
import { Cache } from '../../src/cache/cache.ts'
import { makeConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { systemClock } from '../../src/io/clock.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import type { PrefillOutcome } from '../../workers/messages.ts'
import { prefill } from '../../workers/prefill.ts'
import { Authority } from '../lab/authority.ts'
import { Child, freePort } from '../lab/child.ts'
import { knotConfig } from '../lab/debian-config.ts'
import { Listener } from '../lab/listener.ts'
import { runTool } from '../lab/signing-tools.ts'
import { needPeer } from '../peers.ts'
import { makeCertificates } from '../support/certificates.ts'
import { WholeZone, type WholeZoneOptions } from '../support/whole-zone.ts'
import { KeeperProcess } from './keeper-process.ts'

const BODY = `
. 86400 IN SOA a.root. admin.root. 7 3600 600 86400 3600
. 86400 IN NS a.root.
a.root. 86400 IN A 192.0.2.1
com. 7200 IN NS ns.com.
ns.com. 7200 IN A 192.0.2.2
org. 7200 IN NS ns.com.
`
const nowSeconds = Math.floor(Date.now() / 1000)
const rootZone = (body = BODY, options: WholeZoneOptions = {}) => new WholeZone('.', body, { nowSeconds, ...options })

describe('a zone taken into the cache by a process of its own', () => {
  let keeper: KeeperProcess

  beforeEach(async () => {
    keeper = new KeeperProcess()
    expect(await keeper.start()).to.deep.equal({ kind: 'ready' })
  })
  afterEach(() => keeper.remove())

  function take(url: string, more: { anchor?: string; caFile?: string; settings?: ConfigInput } = {}) {
    const zone = { origin: '.', url, ...(more.caFile === undefined ? {} : { 'ca-file': more.caFile }) }
    const config = makeConfig({
      rundir: keeper.folder,
      cache: { storage: keeper.storage, prefill: [zone] },
      dnssec: { 'trust-anchors': [more.anchor ?? rootZone().dsText()] },
      ...more.settings,
    })
    return prefill({ kind: 'start', config, zone: config.cache.prefill[0], socketPath: keeper.socketPath })
  }

  function takeText(text: string, more?: Parameters<typeof take>[1]): Promise<PrefillOutcome> {
    writeFileSync(join(keeper.folder, 'root.zone'), text)
    return take('root.zone', more)
  }

  const reasonFor = (text: string, more?: Parameters<typeof take>[1]) =>
    takeText(text, more).then(
      () => 'none',
      (error: Error) => error.message,
    )

  /** Zones that are known to be there, of some. */
  const known = (...zones: string[]) => knownIn(0, ...zones)
  async function knownIn(partition: number, ...zones: string[]): Promise<string[]> {
    const end = await keeper.connect()
    const cache = new Cache(end.store, systemClock, { ttlMin: 5, ttlMax: 86_400, negativeTtlMax: 10_800, partition })
    const found = zones.filter((zone) => {
      const delegation = cache.closestDelegation(nameFromText(zone))
      return delegation !== undefined && delegation.zone.length > 1
    })
    await end.close()
    return found
  }

  it('comes from a file', async () => {
    const outcome = await takeText(rootZone().text)
    expect(outcome).to.include({ kind: 'prefilled', serial: 7, digest: 'verified', unchanged: 0, removed: 0 })
    expect(await known('com.', 'org.', 'net.')).to.deep.equal(['com.', 'org.'])
    expect(keeper.log.filter(({ event }) => event !== 'lmdb')).to.deep.equal([])
  })

  it('is applied as a difference', async () => {
    const first = await takeText(rootZone().text)
    const again = await takeText(rootZone().text)
    expect(again).to.include({ written: 0, removed: 0 })
    const changed = BODY.replaceAll(/^org.*\n/gm, '').replace('7 3600', '8 3600')
    const third = await takeText(rootZone(changed).text)
    if (first.kind !== 'prefilled' || third.kind !== 'prefilled') throw new Error('nothing was taken')
    expect(third.serial).to.equal(8)
    expect(third.removed).to.be.greaterThan(0)
    expect(third.written).to.be.lessThan(first.written)
    expect(await known('com.', 'org.')).to.deep.equal(['com.'])
  })

  it('is for clients of all views, whatever their partition', async () => {
    const views = [{ subnets: ['10.0.0.0/8'], options: { 'cache-partition': 3 } }]
    await takeText(rootZone().text, { settings: { views } })
    expect(await knownIn(3, 'com.', 'net.')).to.deep.equal(['com.'])
    expect(await knownIn(0, 'com.', 'net.')).to.deep.equal(['com.'])
    expect(await knownIn(1, 'com.')).to.deep.equal([])
  })

  it('changes nothing when it is bogus, and tells why', async () => {
    await takeText(rootZone().text)
    const less = BODY.replaceAll(/^org.*\n/gm, '')
    const reasons = [
      await reasonFor(rootZone(less, { alterDigest: (digest) => Buffer.from(digest).fill(0) }).text),
      await reasonFor(rootZone(less, { nowSeconds: nowSeconds - 20 * 86_400 }).text),
      await reasonFor(rootZone(less).text.replace('192.0.2.1', '192.0.2.9')),
      await reasonFor(rootZone(less).text.replace(/^\.\t.*ZONEMD.*\n/gm, '')),
      await reasonFor(rootZone(less, { digest: 0 }).text.replace(/^(a\.root\..*RRSIG\tA .{30})./m, '$10')),
      await reasonFor(rootZone(less).text, {
        anchor: '. DS 1 15 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D',
      }),
      await reasonFor(rootZone(less).text, { settings: { dnssec: { 'negative-trust-anchors': ['.'] } } }),
      await reasonFor('nonsense here'),
      await reasonFor('com. 60 IN A 192.0.2.1'),
    ]
    expect(reasons.slice(0, 4)).to.deep.equal([
      'ZONEMD: the digest is another',
      '. DNSKEY: signature expired',
      'ZONEMD: the digest is another',
      'ZONEMD: there is none, though the zone says there is',
    ])
    expect(reasons[4]).to.match(/^a\.root\. A: /)
    expect(reasons.slice(5)).to.deep.equal([
      'DNSKEY: no key is one that is trusted',
      'a negative trust anchor says that the zone is not to be validated',
      'line 1: "here" is no type',
      'there is no SOA record of .',
    ])
    expect(await known('com.', 'org.')).to.deep.equal(['com.', 'org.'])
  })

  it('is not taken when it would fill the cache', async () => {
    const many = Array.from({ length: 6000 }, (_, i) => `a.root. 60 IN TXT "${i}${'x'.repeat(200)}"`).join('\n')
    const settings = {
      cache: { storage: keeper.storage, 'size-max': '2M', prefill: [{ origin: '.', url: 'root.zone' }] },
    }
    expect(await reasonFor(`${BODY}${many}\n`, { settings })).to.include('larger than 1048576 octets')
  })

  it('is not taken without a keeper', async () => {
    await keeper.kill()
    expect(await reasonFor(rootZone().text)).to.equal('the keeper of the cache cannot be reached')
  })

  it('comes from a web server', async function () {
    needPeer(this, 'openssl')
    await makeCertificates(keeper.folder)
    const read = (name: string) => readFileSync(join(keeper.folder, name))
    const server: Server = createServer({ key: read('server.key'), cert: read('server.crt') }, (_, response) =>
      response.end(rootZone().text),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const url = `https://127.0.0.1:${(server.address() as { port: number }).port}/root.zone`
      expect(await take(url, { caFile: 'ca.crt' })).to.include({ kind: 'prefilled', serial: 7 })
      expect(await known('com.')).to.deep.equal(['com.'])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  describe('of a zone below the root', () => {
    const COM = `
com. 86400 IN SOA ns.com. admin.com. 7 3600 600 86400 3600
com. 86400 IN NS ns.com.
ns.com. 86400 IN A 127.77.0.9
*.wild.com. 86400 IN TXT "here"
sub.com. 86400 IN NS ns.sub.com.
ns.sub.com. 86400 IN A 192.0.2.5
`
    const com = new WholeZone('com.', COM, { nowSeconds })
    const ds = com.dsText(7200)
    let listener: Listener
    let port: number

    async function internet(root: WholeZone): Promise<void> {
      const zones = [root, com].map((zone) => ({ origin: nameToText(zone.origin), records: () => zone.records }))
      const authority = new Authority(zones)
      port = await freePort()
      listener = await Listener.open('127.0.0.1', port, ({ packet, protocol, send }) => {
        const reply = authority.respond(packet, protocol)
        if (reply !== undefined) send(reply)
      })
    }
    afterEach(() => listener.close())

    const glue = (text: string) => text.replaceAll(/192\.0\.2\.\d/g, '127.0.0.1')
    function takeCom(root: WholeZone): Promise<PrefillOutcome> {
      writeFileSync(join(keeper.folder, 'hints'), '. 60 NS a.root.\na.root. 60 A 127.0.0.1\n')
      writeFileSync(join(keeper.folder, 'com.zone'), com.text)
      const options = { 'upstream-port': port, 'query-loopback': true, 'root-hints-file': 'hints' }
      const config = makeConfig({
        rundir: keeper.folder,
        cache: { storage: keeper.storage, prefill: [{ origin: 'com', url: 'com.zone' }] },
        dnssec: { 'trust-anchors': [root.dsText()] },
        options,
      })
      return prefill({ kind: 'start', config, zone: config.cache.prefill[0], socketPath: keeper.socketPath })
    }

    it('goes by the keys that its parent vouches for, and lives no longer than its delegation', async () => {
      const root = rootZone(glue(`${BODY}${ds}\n`))
      await internet(root)
      expect(await takeCom(root)).to.include({ kind: 'prefilled', serial: 7, digest: 'verified' })
      const end = await keeper.connect()
      const cache = new Cache(end.store, systemClock, { ttlMin: 5, ttlMax: 86_400, negativeTtlMax: 10_800 })
      const sub = cache.closestDelegation(nameFromText('sub.com.'))
      expect(nameToText(sub!.zone)).to.equal('sub.com.')
      expect(sub!.signed).to.equal('no')
      const leaseSeconds = (sub!.leaseUntilMs - Date.now()) / 1000
      expect(leaseSeconds).to.be.within(7000, 7200) // that of com in the root zone
      const wild = cache.lookup(nameFromText('*.wild.com.'), Type.TXT)
      expect(wild?.kind === 'rrset' && wild.rrset.ttl).to.be.within(7000, 7200)
      await end.close()
    })

    it('is not taken when its parent does not sign it', async () => {
      const root = rootZone(glue(BODY))
      await internet(root)
      const reason = await takeCom(root).catch((error: Error) => error.message)
      expect(reason).to.equal('the keys of com. are not shown to be secure (insecure)')
    })
  })

  describe('comes by transfer from knotd', () => {
    const SIGNING = '    dnssec-signing: on\n    dnssec-policy: one\n'
    let knot: Child | undefined
    let config: string
    let url: string

    async function serve(zoneText: string, settings = ''): Promise<void> {
      const folder = join(keeper.folder, 'knot')
      await mkdir(folder)
      const port = await freePort()
      config = join(folder, 'knot.conf')
      url = `axfr://127.0.0.1@${port}`
      const file = join(folder, 'root.zone')
      writeFileSync(file, zoneText)
      const zone = `policy:
  - id: one
    single-type-signing: on
    algorithm: ecdsap256sha256
acl:
  - id: all
    address: 127.0.0.0/8
    action: transfer
zone:
  - domain: .
    file: "${file}"
    zonefile-sync: -1
    acl: all
${settings}
`
      writeFileSync(config, knotConfig({ folder, addresses: ['127.0.0.1'], port }, zone))
      knot = new Child('knotd', ['-c', config])
      await knot.untilAnswering('127.0.0.1', '.', { port })
    }

    /** The DS record of the key that knotd has made. */
    async function anchor(): Promise<string> {
      const lines = (await runTool('keymgr', ['-c', config, '.', 'ds'])).split('\n')
      return lines.find((line) => / 13 2 /.test(line)) ?? ''
    }

    beforeEach(function () {
      needPeer(this, 'knotd', 'keymgr')
    })
    afterEach(async () => {
      await knot?.stop()
      knot = undefined
    })

    for (const hash of ['sha384', 'sha512'])
      it(`with the keys, signatures and ${hash} digest that it makes`, async () => {
        await serve(BODY, `${SIGNING}    zonemd-generate: zonemd-${hash}\n`)
        const outcome = await take(url, { anchor: await anchor() })
        expect(outcome).to.include({ kind: 'prefilled', digest: 'verified' })
        expect(await known('com.', 'org.', 'net.')).to.deep.equal(['com.', 'org.'])
      })

    it('without delegations when it has no digest: nobody has signed them', async () => {
      await serve(BODY, SIGNING)
      expect(await take(url, { anchor: await anchor() })).to.include({ kind: 'prefilled', digest: 'none' })
      expect(await known('com.', 'org.')).to.deep.equal([])
    })

    it('but not when its digest is wrong', async () => {
      await serve(rootZone(BODY, { alterDigest: (digest) => Buffer.from(digest).fill(0) }).text)
      const reason = await take(url).catch((error: Error) => error.message)
      expect(reason).to.equal('ZONEMD: the digest is another')
      expect(await known('com.', 'org.')).to.deep.equal([])
    })
  })
})
