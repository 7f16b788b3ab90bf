import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { parse as parseYaml } from 'yaml'
import * as z from 'zod'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { KNOT_ONLY } from '../../src/config/knot.ts'
import { makeConfig } from '../../src/config/load.ts'
import { configurationManual } from '../../src/config/manual.ts'
import { configSchema } from '../../src/config/schema.ts'
import { declarations } from '../../src/config/tree.ts'
import { sizeText, timeText } from '../../src/config/units.ts'
import { DEFAULT_LIMITS } from '../../src/ledger.ts'
import { machine } from './machine.ts'

const all = [...declarations(configSchema)]
const settings = all.filter((declared) => declared.kind === 'setting')
const manual = configurationManual()

interface JsonSchema {
  description?: string
  default?: unknown
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  anyOf?: JsonSchema[]
}

describe('every setting', () => {
  it('is found', () => {
    expect(settings.length).to.be.greaterThan(35)
    expect(new Set(all.map(({ path }) => path)).size).to.equal(all.length)
  })

  for (const { path, kind, info, fallback } of all.filter((declared) => declared.path !== '')) {
    it(`${path} has a kebab-case name, a description, bounds and a default`, () => {
      expect(path).to.match(/^[a-z0-9-]+(\[\])?(\/[a-z0-9-]+(\[\])?)*$/)
      expect(info.about).to.match(/^[A-Z`][\s\S]*\.$/)
      expect(info.allowed).to.not.equal('')
      if (kind !== 'section') expect(fallback ?? info.otherwise).to.not.equal(undefined)
    })

    it(`${path} is in the manual and in the JSON Schema, with the same description`, () => {
      const heading = new RegExp(`^###+ \`${path.replaceAll(/[[\]]/g, '\\$&')}\`\n\n(.*)\n`, 'm').exec(manual)
      expect(heading?.[1]).to.equal(info.about)
      expect(schemaAt(path).description).to.include(info.about)
      if (kind === 'setting' && fallback !== undefined) expect(schemaAt(path).default).to.deep.equal(fallback)
    })
  }

  it('that only Knot Resolver has is not one of ours', () => {
    expect(KNOT_ONLY.filter((path) => all.some((declared) => declared.path === path))).to.deep.equal([])
    for (const path of KNOT_ONLY) {
      const parent = path.split('/').slice(0, -1).join('/').replace(/\[\]$/, '')
      expect(
        all.some((declared) => declared.path === parent),
        `${path} has a parent`,
      ).to.equal(true)
    }
  })
})

describe('docs/configuration.md', () => {
  it('is what the schema says (else run npm run docs:config)', () => {
    expect(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).to.equal(manual)
  })

  it('shows an example that is right', () => {
    const [, example] = /```yaml\n([\s\S]*?)```/.exec(manual)!
    expect(example).to.include('workers: 4')
    expect(() => configSchema.parse(parseYaml(example))).to.not.throw()
  })
})

describe('the request budget', () => {
  it('defaults to what the ledger allows', () => {
    const { mode, ...limits } = makeConfig({}, machine).options['request-budget']
    expect(mode).to.equal('enforce')
    expect(limits).to.deep.equal(DEFAULT_LIMITS)
  })
})

describe('the JSON Schema', () => {
  const rebuilt = z.fromJSONSchema(JSON.parse(JSON.stringify(configJsonSchema())))

  it('accepts every configuration that we accept', () => {
    fc.assert(
      fc.property(rightConfig(), (written) => {
        expect(configSchema.safeParse(written).error?.issues ?? []).to.deep.equal([])
        expect(rebuilt.safeParse(written).error?.issues ?? []).to.deep.equal([])
      }),
    )
  })

  const wrong: unknown[] = [
    { worker: 2 },
    { workers: 0 },
    { workers: 'all' },
    { cache: { 'ttl-min': 5 } },
    { cache: { 'ttl-min': '5 s' } },
    { cache: { 'size-max': '100MB' } },
    { network: { listen: [{}] } },
    { network: { listen: { interface: '::1' } } },
    { options: { 'glue-checking': 'loose' } },
    { nsid: true },
    { logging: [] },
  ]
  for (const written of wrong) {
    it(`refuses ${JSON.stringify(written)}, as we do`, () => {
      expect(rebuilt.safeParse(written).success).to.equal(false)
      expect(configSchema.safeParse(written).success).to.equal(false)
    })
  }

  it('names its draft and itself', () => {
    expect(configJsonSchema()).to.include({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Configuration of Bowline',
    })
  })
})

/** Configurations without a mistake: any part of a file that sets everything. */
function rightConfig() {
  const whole = (min: number, max: number) => fc.integer({ min, max })
  const ms = (min: number, max: number) => whole(min, max).map((value) => timeText(value * 1000))
  const seconds = (min: number, max: number) => whole(min, max).map((value) => timeText(value * 1_000_000))
  const size = (min: number, max: number) => fc.integer({ min, max }).map(sizeText)
  const ipv4 = fc.ipV4()
  const ipv6 = fc.constantFrom('2001:db8::1', '2001:db8:0:1::/64', 'fe80::1')
  const oneOrMany = (item: fc.Arbitrary<string>) => fc.oneof(item, fc.uniqueArray(item, { minLength: 1, maxLength: 3 }))
  const some = <Shape extends object>(shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }) =>
    fc.record(shape, { requiredKeys: [] })
  const listener = fc.record(
    { interface: oneOrMany(ipv4), port: whole(1, 65_535), kind: fc.constant('dns') },
    { requiredKeys: ['interface'] },
  )
  return some({
    version: fc.constant(1),
    rundir: fc.constantFrom('run', '/run/bowline'),
    hostname: fc.constant('resolver1.example.org'),
    nsid: fc.oneof(fc.constant(false), fc.constant('resolver 1')),
    workers: fc.oneof(
      whole(1, 256),
      fc.constant('auto'),
      some({ count: whole(1, 256), 'cpu-affinity': fc.oneof(fc.constant('auto'), fc.constant([0, 1])) }),
    ),
    management: some({ 'unix-socket': fc.constant('control.sock') }),
    network: some({
      'do-ipv4': fc.constant(true),
      'do-ipv6': fc.boolean(),
      'out-interface-v4': fc.oneof(oneOrMany(ipv4), fc.constant([])),
      'out-interface-v6': oneOrMany(ipv6),
      'edns-buffer-size': some({ upstream: size(512, 65_535), downstream: size(512, 65_535) }),
      listen: fc.array(listener, { maxLength: 1 }),
    }),
    cache: some({
      storage: fc.constant('/var/cache/bowline'),
      'size-max': fc.oneof(size(1024 ** 2, 1024 ** 4), fc.constant('auto')),
      prefill: fc.constantFrom([], [{ origin: '.', url: 'axfr://192.0.2.1', 'refresh-interval': '6h' }]),
      'ttl-min': seconds(0, 3600),
      'ttl-max': seconds(3600, 604_800),
      'ns-timeout': ms(1, 86_400_000),
    }),
    options: some({
      minimize: fc.boolean(),
      'glue-checking': fc.constantFrom('normal', 'strict', 'permissive'),
      'serve-stale': fc.oneof(fc.boolean(), some({ enable: fc.boolean(), 'max-age': seconds(1, 86_400) })),
      'request-budget': some({
        mode: fc.constantFrom('off', 'shadow', 'enforce'),
        received: size(4096, 1024 ** 3),
        time: ms(100, 60_000),
        depth: whole(1, 100),
      }),
    }),
    dnssec: some({
      enable: fc.boolean(),
      'trust-anchors': fc.constantFrom(
        [],
        ['. DS 20326 8 2 E06D44B8'],
        ['example.org. 3600 IN DNSKEY 257 3 13 AwEAAa=='],
      ),
      'trust-anchors-files': fc.constantFrom([], [{ file: 'root.keys', 'read-only': true }]),
      'signal-query': fc.boolean(),
      'nsec3-max-iterations': whole(0, 500),
      'negative-trust-anchors': fc.constantFrom([], ['.'], ['broken.example.org', 'example.net.']),
    }),
    logging: some({ level: fc.constantFrom('crit', 'debug'), target: fc.constantFrom('stderr', 'stdout') }),
  })
}

function schemaAt(path: string): JsonSchema {
  const keys = path.replaceAll('[]', '/[]').split('/')
  const found = within(configJsonSchema() as JsonSchema, keys)
  if (found === undefined) throw new Error(`${path} is not in the JSON Schema`)
  return found
}

/** In any of the forms that a value may take. */
function within(schema: JsonSchema, [key, ...rest]: string[]): JsonSchema | undefined {
  if (key === undefined) return schema
  for (const form of formsOf(schema)) {
    const next = key === '[]' ? form.items : form.properties?.[key]
    const found = next && within(next, rest)
    if (found !== undefined) return found
  }
  return undefined
}

function formsOf(schema: JsonSchema): JsonSchema[] {
  return [schema, ...(schema.anyOf ?? []).flatMap(formsOf)]
}
