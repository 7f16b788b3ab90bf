import { expect } from 'chai'
import { composeAnchorState, parseAnchorState } from '../../src/anchors/state-text.ts'
import type { KeyState, ManagedZone } from '../../src/dnssec/rfc5011.ts'
import { parseTrustAnchors } from '../../src/dnssec/trust-anchors.ts'
import { WireError } from '../../src/wire/error.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { TEST_EPOCH_MS } from '../support/clock.ts'
import { SignedZone, zoneKey } from '../support/signed-zone.ts'

const apex = nameFromText('example.')
const [ds] = new SignedZone('example.', '').anchor().ds
const key = (secret: string) => Uint8Array.from(zoneKey(secret).rdata)

const whole: ManagedZone = {
  zone: apex,
  ds: [Uint8Array.from(ds)],
  keys: [
    { rdata: key('a'), state: 'valid', sinceMs: TEST_EPOCH_MS },
    { rdata: key('b'), state: 'add-pending', sinceMs: TEST_EPOCH_MS, untilMs: TEST_EPOCH_MS + 1 },
    { rdata: key('c'), state: 'missing', sinceMs: TEST_EPOCH_MS + 2000 },
    { rdata: key('d'), state: 'revoked', sinceMs: TEST_EPOCH_MS },
    { rdata: key('e'), state: 'removed', sinceMs: TEST_EPOCH_MS },
  ],
}

describe('the file of managed trust anchors', () => {
  it('is read as it was written', () => {
    const read = parseAnchorState(composeAnchorState(whole), 5)
    expect(plain(read)).to.deep.equal(plain(whole))
  })

  it('shows other programs the trusted keys only', () => {
    const [anchor] = parseTrustAnchors(composeAnchorState(whole))
    expect(anchor.ds).to.have.length(1)
    expect(anchor.keys.map(hex)).to.deep.equal([hex(key('a')), hex(key('c'))])
  })

  it('may be a plain zone file, as other programs keep it', () => {
    const read = parseAnchorState('; anchors\nexample. 3600 IN DS 1 13 2 0001\nexample. NS a.example.\n', 5)
    expect(plain(read)).to.deep.equal({ zone: 'example.', ds: ['00010d020001'], keys: [] })
    const text = composeAnchorState({ ...whole, ds: [] })
      .split('\n')[1]
      .replace(/;.*/, '')
    expect(parseAnchorState(text, 5).keys.map(({ state, sinceMs }) => ({ state, sinceMs }))).to.deep.equal([
      { state: 'valid' as KeyState, sinceMs: 5 },
    ])
  })

  const damaged: Record<string, string> = {
    'is empty': '',
    'holds other records only': 'example. NS a.example.\n',
    'is of two zones': 'example. DS 1 13 2 00\nexample.org. DS 1 13 2 00\n',
    'is no text': '\u0000\u0001\u0002',
    'was cut off': composeAnchorState(whole).slice(0, -30),
    'has a state nobody knows': composeAnchorState(whole).replace('; valid since', '; fine since'),
    'has a time that is none': composeAnchorState(whole).replace('2026-01-01T', '2026-13-01T'),
    'has a record that is none': composeAnchorState(whole).replace('DNSKEY 257', 'DNSKEY many'),
  }
  for (const [what, text] of Object.entries(damaged))
    it(`is refused when it ${what}`, () => expect(() => parseAnchorState(text, 5)).to.throw(WireError))
})

function plain({ zone, ds: records, keys }: ManagedZone) {
  return {
    zone: Buffer.from(zone).toString('latin1') === Buffer.from(apex).toString('latin1') ? 'example.' : '?',
    ds: records.map((rdata) => hex(rdata).slice(0, 12)),
    keys: keys.map((managed) => ({ ...managed, rdata: hex(managed.rdata) })),
  }
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
