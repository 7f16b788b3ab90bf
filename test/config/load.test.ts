import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadConfig, makeConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/mistake.ts'
import { configSchema } from '../../src/config/schema.ts'
import { shapeOf } from '../../src/config/tree.ts'
import { configOf, machine } from './machine.ts'

const top = shapeOf(configSchema)
const TOP = top.kind === 'section' ? Object.keys(top.settings).join(', ') : ''

describe('makeConfig without settings', () => {
  it('gives the documented defaults', () => {
    expect(makeConfig({}, machine)).to.deep.equal({
      version: 1,
      rundir: '/users/ada/.local/state/bowline',
      hostname: 'resolver1.example.org',
      nsid: false,
      workers: 'auto',
      'drain-timeout': 10_000,
      management: { 'unix-socket': '/users/ada/.local/state/bowline/control.sock', tls: {} },
      monitoring: { metrics: 'lazy' },
      network: {
        'do-ipv4': true,
        'do-ipv6': true,
        'out-interface-v4': [],
        'out-interface-v6': [],
        'edns-buffer-size': { upstream: 1232, downstream: 1232 },
        listen: [{ interface: ['127.0.0.1@5300', '::1@5300'], kind: 'dns' }],
        'udp-spread-by': 'client',
        'edns-tcp-keepalive': true,
        'address-renumbering': [],
      },
      cache: {
        storage: '/users/ada/.cache/bowline',
        'size-max': 100 * 1024 * 1024,
        'ttl-min': 5,
        'ttl-max': 86_400,
        prefetch: { expiring: true },
        prefill: [],
        'ns-timeout': 1000,
      },
      options: {
        minimize: true,
        'query-case-randomization': true,
        'glue-checking': 'normal',
        'query-loopback': false,
        priming: true,
        'max-recursions': 10_000,
        'refuse-no-rd': true,
        'reorder-rrset': true,
        'rebinding-protection': false,
        'rebinding-allowed': [],
        'time-jump-detection': true,
        'violators-workarounds': false,
        'root-hints-file': undefined,
        'upstream-port': 53,
        'serve-stale': { enable: false, 'client-timeout': 1800, 'max-age': 86_400, 'reply-ttl': 30 },
        'request-budget': {
          mode: 'enforce',
          'upstream-queries': 60,
          received: 128 * 1024,
          'address-lookups': 10,
          'failed-lookups': 5,
          aliases: 11,
          depth: 8,
          signatures: 32,
          'failed-signatures': 4,
          hashes: 600,
          time: 7000,
        },
      },
      views: [],
      'local-data': { ttl: 300, nodata: true, addresses: {}, 'addresses-files': [], rules: [] },
      forward: [],
      fallback: { enable: false, servers: [], after: 3000 },
      dns64: { enable: false, prefix: [], 'exclude-subnets': [] },
      cookies: { enable: true, upstream: true },
      'rate-limiting': {
        enable: false,
        'instant-limit': 50,
        capacity: 524_288,
        slip: 2,
        'log-period': 0,
        'dry-run': false,
      },
      'client-limits': { outstanding: 1000, 'outstanding-with-cookie': 10_000, 'discard-timeout': 1900 },
      stats: { enable: false, size: 1000, window: 3600 },
      watchdog: { enable: true, interval: 10_000, failures: 3 },
      modules: [],
      dnssec: {
        enable: true,
        'aggressive-nsec': true,
        'trust-anchors': [],
        'trust-anchors-files': [],
        'negative-trust-anchors': [],
        'signal-query': true,
        sentinel: true,
        'time-skew-detection': true,
        'log-bogus': false,
        'allow-sha1': true,
        'nsec3-max-iterations': 50,
      },
      logging: { level: 'notice', groups: [], target: 'stderr' },
    })
  })

  it('gives the cache half of the memory when told to choose', () => {
    expect(makeConfig({ cache: { 'size-max': 'auto' } }, machine).cache['size-max']).to.equal(4 * 1024 ** 3)
    const tiny = { ...machine, memory: 1024 }
    expect(makeConfig({ cache: { 'size-max': 'auto' } }, tiny).cache['size-max']).to.equal(1024 ** 2)
  })

  it('takes true and false for a section with a switch, also over several files', () => {
    const staleOf = (...texts: string[]) => configOf(...texts).options['serve-stale']
    expect(staleOf('options: {serve-stale: true}')).to.include({ enable: true, 'max-age': 86_400 })
    expect(staleOf('options: {serve-stale: false}')).to.include({ enable: false })
    const tuned = 'options: {serve-stale: {max-age: 1h}}'
    expect(staleOf('options: {serve-stale: true}', tuned)).to.include({ enable: true, 'max-age': 3600 })
    expect(staleOf(tuned, 'options: {serve-stale: true}')).to.include({ enable: true, 'max-age': 3600 })
  })

  it('puts files where the system wants them when run as root', () => {
    const config = makeConfig({}, { ...machine, root: true })
    expect(config.rundir).to.equal('/run/bowline')
    expect(config.cache.storage).to.equal('/var/cache/bowline')
    expect(config.management['unix-socket']).to.equal('/run/bowline/control.sock')
  })

  it('follows XDG_STATE_HOME and XDG_CACHE_HOME, unless they are relative', () => {
    const environment = { XDG_STATE_HOME: '/state', XDG_CACHE_HOME: 'cache' }
    const config = makeConfig({}, { ...machine, environment })
    expect(config.rundir).to.equal('/state/bowline')
    expect(config.cache.storage).to.equal('/users/ada/.cache/bowline')
  })

  it('depends on nothing but its arguments: two are equal but not the same', () => {
    const [one, other] = [makeConfig({}, machine), makeConfig({}, machine)]
    expect(one).to.deep.equal(other)
    expect(one.network.listen).to.not.equal(other.network.listen)
  })

  it('survives the way to another process', () => {
    const config = makeConfig({}, machine)
    expect(JSON.parse(JSON.stringify(config))).to.deep.equal(JSON.parse(JSON.stringify(config)))
    expect(structuredClone(config)).to.deep.equal(config)
  })
})

describe('makeConfig', () => {
  it('reads units, single values as lists, and relative paths', () => {
    const config = makeConfig(
      {
        rundir: 'run',
        workers: 3,
        management: { 'unix-socket': 'sockets/control' },
        network: {
          'out-interface-v4': '192.0.2.1',
          'out-interface-v6': ['2001:db8::1', '2001:db8::2'],
          listen: [{ interface: '0.0.0.0' }],
        },
        cache: { storage: '../cache', 'ttl-min': '1m', 'ttl-max': '2d', 'ns-timeout': '1500ms', 'size-max': '2G' },
      },
      machine,
    )
    expect(config.rundir).to.equal('/srv/run')
    expect(config.management['unix-socket']).to.equal('/srv/run/sockets/control')
    expect(config.workers).to.equal(3)
    expect(config.network['out-interface-v4']).to.deep.equal(['192.0.2.1'])
    expect(config.network['out-interface-v6']).to.deep.equal(['2001:db8::1', '2001:db8::2'])
    expect(config.network.listen).to.deep.equal([{ interface: ['0.0.0.0'], kind: 'dns' }])
    expect(config.cache).to.deep.equal({
      storage: '/srv/cache',
      'ttl-min': 60,
      'ttl-max': 172_800,
      prefetch: { expiring: true },
      prefill: [],
      'ns-timeout': 1500,
      'size-max': 2 * 1024 ** 3,
    })
  })

  it('throws one error with every mistake, and no place for want of a file', () => {
    const attempt = () => makeConfig({ workers: 0, cache: { 'ttl-min': '5' } }, machine)
    expect(attempt)
      .to.throw(ConfigError)
      .that.includes({
        code: 'config',
        message: [
          'workers: found 0; allowed: a whole number from 1 to 256, auto, or a map of count, min, max, cpu-affinity, as in {min: 2, max: 8}; write at least 1',
          'cache/ttl-min: found "5"; allowed: a time from 0s to 1h, in whole seconds (units us, ms, s, m, h, d); ' +
            'write a whole number and its unit without a space, as in 5s',
        ].join('\n'),
      })
  })
})

describe('several files', () => {
  it('join their sections, and the later overrides', () => {
    const config = configOf('workers: 2\ncache: {ttl-min: 1s, ttl-max: 1h}\n', 'cache: {ttl-max: 2h}\nnsid: b\n')
    expect(config.workers).to.equal(2)
    expect(config.cache['ttl-min']).to.equal(1)
    expect(config.cache['ttl-max']).to.equal(7200)
    expect(config.nsid).to.equal('b')
  })

  it('replace lists as a whole', () => {
    const [one, two] = ['192.0.2.1', '192.0.2.2'].map((address) => `network: {listen: [{interface: ${address}}]}`)
    expect(configOf(one, two).network.listen).to.deep.equal([{ interface: ['192.0.2.2'], kind: 'dns' }])
  })
})

describe('loadConfig', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-config-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  function write(name: string, text: string): string {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }

  it('gives the defaults without a file, and with an empty one', () => {
    expect(loadConfig(undefined, machine)).to.deep.equal(makeConfig({}, machine))
    expect(loadConfig(write('empty.yaml', '# nothing yet\n'), machine)).to.deep.equal(makeConfig({}, machine))
  })

  it('reads YAML and JSON alike', () => {
    const yaml = write('a.yaml', 'cache:\n  size-max: 1G\nnetwork:\n  listen:\n    - interface: ::1@53\n')
    const json = write('a.json', '{"cache": {"size-max": "1G"}, "network": {"listen": [{"interface": "::1@53"}]}}')
    expect(loadConfig(yaml, machine)).to.deep.equal(loadConfig(json, machine))
    expect(loadConfig(yaml, machine).cache['size-max']).to.equal(1024 ** 3)
  })

  it('reads anchors, aliases and merge keys', () => {
    const file = write(
      'anchors.yaml',
      'network:\n  listen:\n    - &all {interface: 192.0.2.1, port: 5300}\n    - {<<: *all, interface: 192.0.2.2}\n',
    )
    expect(loadConfig(file, machine).network.listen).to.deep.equal([
      { interface: ['192.0.2.1'], port: 5300, kind: 'dns' },
      { interface: ['192.0.2.2'], port: 5300, kind: 'dns' },
    ])
  })

  it('names every file that cannot be read, and the mistakes of those that can', () => {
    const good = write('good.yaml', 'worker: 2\n')
    const missing = join(folder, 'missing.yaml')
    expect(() => loadConfig([missing, folder, good], machine)).to.throw(
      [
        `${missing}: found no such file; allowed: a readable file of YAML 1.2 or JSON; correct the path`,
        `${folder}: found a folder; allowed: a readable file of YAML 1.2 or JSON; name a file in it`,
        `${good}:1:1: worker: found an unknown setting; allowed: ${TOP}; did you mean workers?`,
      ].join('\n'),
    )
  })

  it('finds a root hints file in rundir', () => {
    const hints = write('root.hints', '. 3600 NS a.root-servers.net.\n')
    const file = write('hints.yaml', `rundir: ${folder}\noptions: {root-hints-file: root.hints}\n`)
    expect(loadConfig(file, machine).options['root-hints-file']).to.equal(hints)
  })
})
