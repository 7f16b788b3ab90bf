import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { managedFiles, trustAnchorsFrom } from '../src/anchor-files.ts'
import { composeAnchorState } from '../src/anchors/state-text.ts'
import { makeConfig } from '../src/config/load.ts'
import type { ConfigInput } from '../src/config/schema.ts'
import { ROOT_ANCHORS } from '../src/dnssec/trust-anchors.ts'
import { nameToText, ROOT } from '../src/wire/name.ts'
import { machine } from './config/machine.ts'
import { SignedZone, zoneKey } from './support/signed-zone.ts'

const NOW = 1000

describe('trust anchor files', () => {
  let folder: string
  let rootKeys: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-anchors-'))
    rootKeys = join(folder, 'root.keys')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const configOf = (dnssec: ConfigInput['dnssec'] = {}) =>
    makeConfig({ cache: { storage: folder }, dnssec }, { ...machine, folder })
  const managed = (dnssec: ConfigInput['dnssec'] = {}) =>
    managedFiles(configOf(dnssec), NOW).map(({ file, state }) => ({ file, state }))
  const anchors = (dnssec: ConfigInput['dnssec'] = {}) =>
    trustAnchorsFrom(configOf(dnssec)).map(
      ({ zone, ds, keys }) => `${nameToText(zone)} ${ds.length} DS ${keys.length} keys`,
    )

  it('are one for the root, beside the cache, when nothing is said', () => {
    expect(managed()).to.deep.equal([{ file: rootKeys, state: 'missing' }])
    expect(trustAnchorsFrom(configOf())).to.deep.equal(ROOT_ANCHORS)
  })

  it('are none when the anchors of the root are given, or nothing is validated', () => {
    expect(managed({ 'trust-anchors': ['. DS 7 13 2 0007'] })).to.deep.equal([])
    expect(managed({ enable: false })).to.deep.equal([])
    writeFileSync(rootKeys, '. DS 7 13 2 0007\n')
    expect(managed({ 'trust-anchors-files': [{ file: rootKeys, 'read-only': true }] })).to.deep.equal([])
  })

  it('of another zone leave the root managed as it was', () => {
    const file = join(folder, 'org.keys')
    writeFileSync(file, 'example.org. DS 7 13 2 0007\n')
    expect(managed({ 'trust-anchors-files': [{ file }] })).to.deep.equal([
      { file, state: 'read' },
      { file: rootKeys, state: 'missing' },
    ])
    expect(anchors({ 'trust-anchors-files': [{ file }] })).to.have.members([
      '. 2 DS 0 keys',
      'example.org. 1 DS 0 keys',
    ])
  })

  it('give the keys that are trusted by now, in place of the built-in ones', () => {
    const keys = [
      { rdata: zoneKey('a').rdata, state: 'valid' as const, sinceMs: 0 },
      { rdata: zoneKey('b').rdata, state: 'add-pending' as const, sinceMs: 0, untilMs: 5 },
      { rdata: zoneKey('c').rdata, state: 'revoked' as const, sinceMs: 0 },
    ]
    writeFileSync(rootKeys, composeAnchorState({ zone: ROOT, ds: [], keys }))
    expect(managed()).to.deep.equal([{ file: rootKeys, state: 'read' }])
    expect(anchors()).to.deep.equal(['. 0 DS 1 keys'])
    writeFileSync(rootKeys, composeAnchorState({ zone: ROOT, ds: [], keys: keys.slice(2) }))
    expect(anchors(), 'all revoked: RFC 5011 §5').to.deep.equal([])
  })

  it('that are damaged or cannot be read count for nothing', () => {
    writeFileSync(rootKeys, 'not a zone file at all\n')
    expect(managed()).to.deep.equal([{ file: rootKeys, state: 'damaged' }])
    expect(anchors()).to.deep.equal(['. 2 DS 0 keys'])
    rmSync(rootKeys)
    mkdirSync(rootKeys)
    expect(managed()).to.deep.equal([{ file: rootKeys, state: 'unreadable' }])
    expect(anchors()).to.deep.equal(['. 2 DS 0 keys'])
  })

  it('add to what is given for the same zone', () => {
    const file = join(folder, 'example.keys')
    writeFileSync(file, composeAnchorState({ ...new SignedZone('example.', '').anchor(), keys: [] }))
    const dnssec = { 'trust-anchors': ['example. DS 7 13 2 0007'], 'trust-anchors-files': [{ file }] }
    expect(anchors(dnssec)).to.have.members(['. 2 DS 0 keys', 'example. 2 DS 0 keys'])
  })
})
